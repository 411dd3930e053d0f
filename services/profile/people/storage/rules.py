"""The rules that the rows of people keep: each query finds the rows that break one."""

from sqlalchemy import Select, func, select

from services.profile.people.storage.tables import identifier, identity
from shared.speech import words
from shared.vault import subject_key
from shared.verify.row_rules import RowRule

WALKS = (identity.c.identity_id,)
"""The ids that the running verification goes through."""

IDENTITIES = select(identity.c.identity_id)
"""The identities, each of which has its event."""
_external_ids = (
    select(func.count(identifier.c.blind_index))
    .where(
        identifier.c.identity_id == identity.c.identity_id,
        identifier.c.kind == "external_id",
        identifier.c.state == "resolving",
    )
    .scalar_subquery()
)
EXTERNAL_IDS = select(identity.c.identity_id, identity.c.record_version, _external_ids).where(
    identity.c.state != "erased"
)
"""The identities with the version of what was told of them, and the number of their external ids."""


def _two_holders() -> Select[str]:
    """Find what the unique index forbids, for the day it is rebuilt, restored or rotated."""
    return (
        select(func.min(identifier.c.identity_id))
        .where(identifier.c.state == "resolving")
        .group_by(identifier.c.issuer, identifier.c.blind_index)
        .having(func.count() > 1)
    )


def _without_key() -> Select[str]:
    key = select(subject_key.c.identity_id).where(subject_key.c.identity_id == identity.c.identity_id)
    return select(identity.c.identity_id).where(identity.c.state != "erased", ~key.exists())


def _without_owner() -> Select[str]:
    owner = identity.alias()
    known = select(owner.c.identity_id).where(owner.c.identity_id == identity.c.owner_id)
    return select(identity.c.identity_id).where(~known.exists())


RULES = (
    RowRule("one_holder", _two_holders(), words(__name__, "drift_one_holder")),
    RowRule("readable", _without_key(), words(__name__, "drift_readable")),
    RowRule("known_owner", _without_owner(), words(__name__, "drift_known_owner")),
)
