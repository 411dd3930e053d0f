"""Tell other services of the external ids of identities: as references, from which nobody learns an id."""

from collections.abc import Mapping

from services.profile.people.storage import identifiers, identities
from shared.db import Tx
from shared.events.base import REFERENCES_MAX, Cause
from shared.events.profile import CustomerUpdated
from shared.vault import Keys, Vault

FIRST_VERSION = 1
"""The version of a new identity. Its registration tells its references; each update has a greater version."""


async def tell_references(
    tx: Tx, vault: Vault, keys: Keys, causes: Mapping[str, Cause], *, also_none: bool = True
) -> None:
    """Raise the versions of the identities that `causes` names, and publish all references of each.

    The caller has locked them against erasure, and has their keys. The rows are locked before the identifiers are read, so that
    of two transactions which attach an id the later one tells of both. Of more than REFERENCES_MAX ids, those that were seen
    last are told. Without `also_none` nothing is published of an identity without an external id.
    """
    raised = await identities.raise_versions(tx, causes)
    references: dict[str, list[str]] = {}
    for sealed in await identifiers.of_identities(tx, list(causes)):
        if sealed.kind == "external_id" and sealed.state == "resolving" and sealed.identity_id in keys:
            value = keys.open(sealed.identity_id, f"identifier.{sealed.kind}", sealed.sealed)
            references.setdefault(sealed.identity_id, []).append(vault.reference(sealed.issuer, value))
    tx.publish(
        *(
            CustomerUpdated(
                identity_id=identity.identity_id,
                customer_id=identity.owner_id,
                occurred_at=tx.now,
                cause=causes[identity.identity_id],
                record_version=identity.record_version,
                references=tuple(references.get(identity.identity_id, ())[-REFERENCES_MAX:]),
                reference_key=vault.reference_mark if identity.identity_id in references else None,
            )
            for identity in raised
            if also_none or identity.identity_id in references
        )
    )
