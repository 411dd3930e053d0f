"""Lock, move and erase identities. The lock of an identity is the first lock that every fact takes.

Missing identities are inserted first, so that there is a row to lock. Then all are locked in the order of their ids.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from shared.db import Read, Slot, Tx, any_of, columns_of
from shared.identity.tables import Owner, identity


@dataclass(frozen=True, slots=True)
class Move:
    """The effect of a merge or an unmerge on one identity: its owner as of this version."""

    identity_id: str
    owner_id: str
    ownership_version: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A move that was newer than the stored version, with the former owner."""

    identity_id: str
    former_owner_id: str
    owner_id: str


OWNERS: Slot[dict[str, Owner]] = Slot("shared.identity.owners", dict, snapshot=dict)
"""The owners that this transaction has locked, by identity."""


async def lock(tx: Tx, identity_ids: Iterable[str]) -> dict[str, Owner]:
    """Insert the missing identities as their own owners, lock all of them sorted, and return them by identity.

    Identities that this transaction has locked before come from memory. So a batch locks once, and its waves ask freely.
    """
    locked = tx.slot(OWNERS)
    wanted = sorted(set(identity_ids))
    unlocked = [identity_id for identity_id in wanted if identity_id not in locked]
    if unlocked:
        await tx.insert_new_records(identity, [_unmoved(identity_id) for identity_id in unlocked])
        owners = await tx.read_records(
            Owner,
            select(*columns_of(identity, Owner))
            .where(any_of(identity.c.identity_id, unlocked))
            .order_by(identity.c.identity_id)
            .with_for_update(),
        )
        assert len(owners) == len(unlocked), "the register has no deletes"
        locked.update((owner.identity_id, owner) for owner in owners)
    return {identity_id: locked[identity_id] for identity_id in wanted}


async def move(tx: Tx, moves: Sequence[Move]) -> list[Moved]:
    """Apply each move that is newer than the stored version, and return the identities whose owner changed."""
    before = await lock(tx, (moved.identity_id for moved in moves))
    after = dict(before)
    for moved in moves:
        owner = after[moved.identity_id]
        if moved.ownership_version > owner.ownership_version:
            after[moved.identity_id] = replace(
                owner, owner_id=moved.owner_id, ownership_version=moved.ownership_version
            )
    changed = [after[identity_id] for identity_id in after if after[identity_id] != before[identity_id]]
    await tx.update_records(
        identity, changed, key=("identity_id",), columns=("owner_id", "ownership_version")
    )
    tx.slot(OWNERS).update((owner.identity_id, owner) for owner in changed)
    return [Moved(owner.identity_id, before[owner.identity_id].owner_id, owner.owner_id) for owner in changed]


async def erase(tx: Tx, identity_ids: Iterable[str], at: datetime) -> list[str]:
    """Set the tombstone of each identity that has none, and return the ids of these identities."""
    owners = (await lock(tx, identity_ids)).values()
    erased = [replace(owner, erased_at=at) for owner in owners if owner.erased_at is None]
    await tx.update_records(identity, erased, key=("identity_id",), columns=("erased_at",))
    tx.slot(OWNERS).update((owner.identity_id, owner) for owner in erased)
    return [owner.identity_id for owner in erased]


async def customer_of(read: Read, identity_id: str) -> str:
    """Return the customer that owns an identity. An identity that no fact has named yet is its own owner."""
    owner = await read.scalar(select(identity.c.owner_id).where(identity.c.identity_id == identity_id))
    return owner or identity_id


async def identities_of(read: Read, customer_id: str) -> list[str]:
    """Return every identity of a customer, sorted. A customer that no fact has named yet is its own only identity."""
    rows = await read.all(
        select(identity.c.identity_id)
        .where(identity.c.owner_id == customer_id)
        .order_by(identity.c.identity_id)
    )
    return [row.identity_id for row in rows] or [customer_id]


def _unmoved(identity_id: str) -> Owner:
    return Owner(identity_id, owner_id=identity_id, ownership_version=0, erased_at=None)
