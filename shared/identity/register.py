"""Insert what is missing, lock in id order, then read: the first lock of every fact (models/profile, rules 1 to 6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from shared.db import Read, Slot, Tx, any_of
from shared.identity.tables import identity


@dataclass(frozen=True, slots=True)
class Owner:
    """An identity, the customer it belongs to now, and when it was erased (None: it was not)."""

    identity_id: str
    owner_id: str
    ownership_version: int
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class Move:
    """What a merge or an unmerge says of one identity: its owner as of this version."""

    identity_id: str
    owner_id: str
    ownership_version: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A move that was newer than what was known, with the owner it took the identity from."""

    identity_id: str
    former_owner_id: str
    owner_id: str


OWNERS: Slot[dict[str, Owner]] = Slot("shared.identity.owners", dict, snapshot=dict)
"""The owners that this transaction holds, by identity."""


async def lock(tx: Tx, identity_ids: Iterable[str]) -> dict[str, Owner]:
    """Create the missing ones as their own owners, lock all of them sorted, and return them by identity.

    What this transaction has locked before is answered from memory, so a batch locks once and its waves ask freely.
    """
    kept = tx.slot(OWNERS)
    wanted = sorted(set(identity_ids))
    missing = [identity_id for identity_id in wanted if identity_id not in kept]
    if missing:
        await tx.insert_new(
            identity,
            [
                {
                    "identity_id": identity_id,
                    "owner_id": identity_id,
                    "ownership_version": 0,
                    "erased_at": None,
                }
                for identity_id in missing
            ],
        )
        rows = await tx.all(
            select(identity)
            .where(any_of(identity.c.identity_id, missing))
            .order_by(identity.c.identity_id)
            .with_for_update()
        )
        assert len(rows) == len(missing), "the register has no deletes"
        kept.update((row.identity_id, Owner(*row)) for row in rows)
    return {identity_id: kept[identity_id] for identity_id in wanted}


async def move(tx: Tx, moves: Sequence[Move]) -> list[Moved]:
    """Apply each move that is newer than the stored version; return what changed hands, by identity."""
    before = await lock(tx, (one.identity_id for one in moves))
    after = dict(before)
    for one in moves:
        if one.ownership_version > after[one.identity_id].ownership_version:
            after[one.identity_id] = replace(
                after[one.identity_id], owner_id=one.owner_id, ownership_version=one.ownership_version
            )
    changed = [after[identity_id] for identity_id in after if after[identity_id] != before[identity_id]]
    if changed:
        await tx.update_many(
            identity,
            [
                {
                    "identity_id": owner.identity_id,
                    "owner_id": owner.owner_id,
                    "ownership_version": owner.ownership_version,
                }
                for owner in changed
            ],
            key=["identity_id"],
        )
    tx.slot(OWNERS).update((owner.identity_id, owner) for owner in changed)
    return [Moved(owner.identity_id, before[owner.identity_id].owner_id, owner.owner_id) for owner in changed]


async def erase(tx: Tx, identity_ids: Iterable[str], at: datetime) -> list[str]:
    """Set the tombstone of each identity that has none; return those that were erased by this call."""
    fresh = [owner for owner in (await lock(tx, identity_ids)).values() if owner.erased_at is None]
    if fresh:
        await tx.update_many(
            identity,
            [{"identity_id": owner.identity_id, "erased_at": at} for owner in fresh],
            key=["identity_id"],
        )
    tx.slot(OWNERS).update((owner.identity_id, replace(owner, erased_at=at)) for owner in fresh)
    return [owner.identity_id for owner in fresh]


async def customer_of(read: Read, identity_id: str) -> str:
    """The customer an identity belongs to; an identity nobody has named yet is its own."""
    owner = await read.scalar(select(identity.c.owner_id).where(identity.c.identity_id == identity_id))
    return owner or identity_id


async def identities_of(read: Read, customer_id: str) -> list[str]:
    """Every identity of a customer, sorted; a customer nobody has named yet is its own only identity."""
    rows = await read.all(
        select(identity.c.identity_id)
        .where(identity.c.owner_id == customer_id)
        .order_by(identity.c.identity_id)
    )
    return [row.identity_id for row in rows] or [customer_id]
