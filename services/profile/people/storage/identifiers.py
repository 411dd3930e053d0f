"""Identifiers: two first purchases of one buyer meet at the unique index over resolving identifiers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, delete, literal_column, select

from services.profile.people.domain.customers import IdentifierState
from services.profile.people.domain.identifiers import IdentifierKind
from services.profile.people.storage.tables import IdentifierRecord, identifier
from shared.db import Read, Tx, any_named, any_of, columns_of


@dataclass(frozen=True, slots=True)
class SealedIdentifier:
    """An identifier of an identity, as far as a reader of the customer needs it."""

    identity_id: str
    kind: IdentifierKind
    issuer: str
    sealed: bytes
    state: IdentifierState
    verified_at: datetime | None


async def holders(read: Read, issuer: str, indexes: Iterable[bytes]) -> dict[bytes, str]:
    """Return the identity to which each of these blind indexes leads within an issuer.

    An index that leads to nobody is missing.
    """
    wanted = sorted(set(indexes))
    if not wanted:
        return {}
    rows = await read.all(_HOLDERS, {"indexes": wanted, "by": issuer})
    return {bytes(index): identity_id for index, identity_id in rows}


async def of_identities(read: Read, identity_ids: Sequence[str]) -> list[SealedIdentifier]:
    """Return the identifiers of these identities: by kind, then the earliest seen first."""
    columns = identifier.c
    return await read.read_records(
        SealedIdentifier,
        select(*columns_of(identifier, SealedIdentifier))
        .where(any_of(columns.identity_id, identity_ids))
        .order_by(columns.identity_id, columns.kind, columns.seen_at, columns.blind_index),
    )


async def claim(tx: Tx, records: Iterable[IdentifierRecord]) -> set[bytes]:
    """Make these identifiers of one issuer resolve, and return the blind indexes that nobody else had claimed.

    They are sorted by index, so that two transactions with the same identifiers wait for each other in one order
    only. A transaction that waited gets nothing back for the indexes that the other one has committed.
    """
    won = await tx.insert_new_records(
        identifier, sorted(records, key=_by_index), returning=[identifier.c.blind_index]
    )
    return {bytes(index) for (index,) in won}


async def contest(tx: Tx, records: Iterable[IdentifierRecord]) -> set[str]:
    """Keep these identifiers as contested: they were given for one identity and lead to another.

    Return the identities of those that were not kept yet.
    """
    new = await tx.insert_new_records(
        identifier, sorted(records, key=_by_index), returning=[identifier.c.identity_id]
    )
    return {str(identity_id) for (identity_id,) in new}


async def give_back(tx: Tx, issuer: str, indexes: Iterable[bytes]) -> None:
    """Undo claims that this transaction made and that belong to another identity after all.

    Nobody else can have made them resolve: this transaction holds them.
    """
    wanted = sorted(set(indexes))
    if wanted:
        await tx.execute(
            delete(identifier).where(
                any_of(identifier.c.blind_index, wanted),
                identifier.c.issuer == issuer,
                identifier.c.state == _RESOLVING,
            )
        )


async def drop_contested(tx: Tx, identity_id: str, issuer: str, index: bytes) -> None:
    """Delete the contested identifier of an identity, so that the identity can claim it."""
    await tx.execute(
        delete(identifier).where(
            identifier.c.identity_id == identity_id,
            identifier.c.issuer == issuer,
            identifier.c.blind_index == index,
            identifier.c.state == "contested",
        )
    )


def _by_index(record: IdentifierRecord) -> tuple[bytes, str]:
    return record.blind_index, record.identity_id


_RESOLVING: ColumnElement[str] = literal_column("'resolving'")
"""The state is spelled out in the statement, so that every plan knows that the partial index serves it."""
_HOLDERS = select(identifier.c.blind_index, identifier.c.identity_id).where(
    any_named(identifier.c.blind_index, "indexes"),
    identifier.c.issuer == bindparam("by"),
    identifier.c.state == _RESOLVING,
)
"""The statement is built once, because building it costs more than running it."""
