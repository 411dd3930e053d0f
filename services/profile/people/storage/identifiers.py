"""Identifiers: the unique index over what resolves is the lock that two first purchases of one buyer meet at."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, literal_column, select

from services.profile.people.domain.identifiers import Identifier
from services.profile.people.storage.tables import identifiers
from shared.db import Read, Tx, any_of


@dataclass(frozen=True, slots=True)
class Claim:
    """An identifier that one record gave to one identity."""

    identity_id: str
    index: bytes
    identifier: Identifier
    record_id: str
    seen_at: datetime


async def holders(read: Read, indexes: Iterable[bytes]) -> dict[bytes, str]:
    """Which identity each of these resolves to; those that resolve to nobody are missing."""
    wanted = sorted(set(indexes))
    if not wanted:
        return {}
    rows = await read.all(
        select(identifiers.c.blind_index, identifiers.c.identity_id).where(
            any_of(identifiers.c.blind_index, wanted), identifiers.c.state == _RESOLVING
        )
    )
    return {bytes(index): identity_id for index, identity_id in rows}


async def claim(tx: Tx, rows: Sequence[dict[str, Any]]) -> set[bytes]:
    """Make these rows (of `row_of`) resolve, and return the indexes that nobody else had made theirs.

    Sorted by index, so that two transactions that want the same ones wait for each other in one order only; whoever
    waited gets nothing back for what the other has committed.
    """
    ordered = sorted(rows, key=_by_index)
    won = await tx.insert_new(identifiers, ordered, returning=[identifiers.c.blind_index])
    return {bytes(index) for (index,) in won}


async def contest(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Keep these as the claimant's own word about an identifier that is somebody else's."""
    await tx.insert_new(identifiers, sorted(rows, key=_by_index))


async def give_back(tx: Tx, indexes: Iterable[bytes]) -> None:
    """Undo claims that this transaction made and that belong elsewhere after all: what resolves is ours alone."""
    wanted = sorted(set(indexes))
    if wanted:
        await tx.execute(
            delete(identifiers).where(
                any_of(identifiers.c.blind_index, wanted), identifiers.c.state == _RESOLVING
            )
        )


async def take_up(tx: Tx, identity_id: str, index: bytes) -> None:
    """Forget an identity's own contested word about an identifier, so that it can be claimed."""
    await tx.execute(
        delete(identifiers).where(
            identifiers.c.identity_id == identity_id,
            identifiers.c.blind_index == index,
            identifiers.c.state == "contested",
        )
    )


def row_of(
    claim: Claim, sealed: bytes, *, state: str, generation: int, booked_at: datetime
) -> dict[str, Any]:
    """The row of an identifier."""
    return {
        "identity_id": claim.identity_id,
        "kind": claim.identifier.kind,
        "issuer": claim.identifier.issuer,
        "blind_key": generation,
        "blind_index": claim.index,
        "sealed": sealed,
        "state": state,
        "record_id": claim.record_id,
        "seen_at": claim.seen_at,
        "booked_at": booked_at,
    }


def _by_index(row: Mapping[str, Any]) -> tuple[bytes, str]:
    return row["blind_index"], row["identity_id"]


_RESOLVING: ColumnElement[str] = literal_column("'resolving'")
"""Spelled out in the statement, so that every plan knows that the partial index serves it."""
