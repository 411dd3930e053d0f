"""Keep the references of identities, and find the identity to which a reference leads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select

from shared.context import Context
from shared.db import Read, Tx, any_of, columns_of
from shared.references.tables import ReferenceOfIdentity, ReferenceRecord, reference, reference_record


@dataclass(frozen=True, slots=True)
class KnownReferences:
    """All references of an identity, as of a version of its record."""

    identity_id: str
    record_version: int
    references: Sequence[str]


async def record(tx: Tx, candidates: Iterable[KnownReferences]) -> None:
    """Store the references of identities in place of those of an older version. An erased identity gets none."""
    newest: dict[str, KnownReferences] = {}
    for candidate in candidates:
        known = newest.get(candidate.identity_id)
        if known is None or candidate.record_version > known.record_version:
            newest[candidate.identity_id] = candidate
    if not newest:
        return
    records = [ReferenceRecord(name, newest[name].record_version) for name in sorted(newest)]
    first = {identity_id for (identity_id,) in await tx.insert_new_records(reference_record, records)}
    replaced = [
        known.identity_id
        for known in await _lock(tx, newest.keys() - first)
        if known.erased_at is None and newest[known.identity_id].record_version > known.record_version
    ]
    if replaced:
        await tx.update_records(
            reference_record,
            [ReferenceRecord(name, newest[name].record_version) for name in replaced],
            key=("identity_id",),
            columns=("record_version",),
        )
        await _forget(tx, replaced)
    await _insert(tx, [newest[name] for name in (*first, *replaced)])


async def erase(tx: Tx, erased_at: Mapping[str, datetime]) -> None:
    """Delete the references of these identities, and set the tombstone of those that have none."""
    records = [ReferenceRecord(name, 0, erased_at[name]) for name in sorted(erased_at)]
    first = {identity_id for (identity_id,) in await tx.insert_new_records(reference_record, records)}
    known = [
        ReferenceRecord(stored.identity_id, stored.record_version, erased_at[stored.identity_id])
        for stored in await _lock(tx, erased_at.keys() - first)
        if stored.erased_at is None
    ]
    if known:
        await tx.update_records(reference_record, known, key=("identity_id",), columns=("erased_at",))
        await _forget(tx, [stored.identity_id for stored in known])


async def find_identity(read: Read, context: Context, issuer: str, external_id: str) -> str | None:
    """Return the identity to which an external id leads within an issuer, by the id's only spelling.

    None if no event has told of it, and also while two identities have it: nobody gets what may be another's.
    """
    named = {"named": context.vault.reference(issuer, external_id)}
    holders = await read.all(_HOLDERS, named)
    return holders[0].identity_id if len(holders) == 1 else None


async def find_identities(
    read: Read, context: Context, issuer: str, external_ids: Sequence[str]
) -> dict[str, str]:
    """Return the identities to which external ids lead within an issuer, as far as each leads to one, by external id."""
    if not external_ids:
        return {}
    named = {context.vault.reference(issuer, external_id): external_id for external_id in external_ids}
    holders: dict[str, list[str]] = {}
    rows = select(reference.c.reference, reference.c.identity_id)
    for name, identity_id in await read.all(rows.where(any_of(reference.c.reference, sorted(named)))):
        holders.setdefault(named[name], []).append(identity_id)
    return {external_id: held[0] for external_id, held in holders.items() if len(held) == 1}


async def _lock(tx: Tx, identity_ids: Iterable[str]) -> list[ReferenceRecord]:
    wanted = sorted(identity_ids)
    if not wanted:
        return []
    return await tx.read_records(
        ReferenceRecord,
        select(*columns_of(reference_record, ReferenceRecord))
        .where(any_of(reference_record.c.identity_id, wanted))
        .order_by(reference_record.c.identity_id)
        .with_for_update(),
    )


async def _forget(tx: Tx, identity_ids: Sequence[str]) -> None:
    await tx.execute(delete(reference).where(any_of(reference.c.identity_id, identity_ids)))


async def _insert(tx: Tx, newest: Sequence[KnownReferences]) -> None:
    rows = {
        (name, latest.identity_id): ReferenceOfIdentity(name, latest.identity_id)
        for latest in newest
        for name in latest.references
    }
    if rows:
        await tx.insert_new_records(reference, [rows[key] for key in sorted(rows)])


_HOLDERS = select(reference.c.identity_id).where(reference.c.reference == bindparam("named")).limit(2)
"""The statement is built once, because building it costs more than running it."""
