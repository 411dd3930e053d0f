"""Wallets: the lock root of every fact, and the register of whose they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, select

from services.loyalty.domain.tiers import Standing
from services.loyalty.domain.wallets import Member, Wallet
from services.loyalty.storage import ids
from services.loyalty.storage.tables import PROGRAMME, SPENDABLE, ledger_id, wallet
from shared.db import Read, Slot, Tx, any_of, blocks, locks

REPEATS_MAX = 5
"""How often a lock is tried again because an owner changed while it waited."""
PAGE_MAX = 500
"""Most wallets that one run of a sweep takes."""
NOT_BOOKED = datetime(1970, 1, 1, tzinfo=UTC)
"""A new wallet's last booking; its first real one is read behind the lock."""

_BALANCE = (
    "active",
    "pending",
    "held",
    "owed",
    "next_due_at",
    "last_booked_at",
    "spend",
    "spend_at",
    "spend_drop_at",
)
_OWNER = ("owner_id", "ownership_version", "erased_at", "group_size")
_FIELDS = tuple(each.name for each in fields(Wallet))
COLUMNS = [wallet.c[name] for name in _FIELDS]


class OwnerChanged(ConnectionError):
    """Owners kept changing while the lock waited; as passing as a deadlock."""


class _Incomplete(Exception):
    """A group came in parts: an owner changed while the lock waited."""


class Locked:
    """The wallets this transaction holds, whole groups of them, by identity and by owner."""

    def __init__(self) -> None:
        self.wallets: dict[str, Wallet] = {}
        self.by_id: dict[int, Wallet] = {}
        self.members: dict[str, Member] = {}
        self.standings: dict[str, Standing] = {}
        """The standings of these members, which refer to their wallets and so are dropped with them."""
        self.created: list[str] = []
        """Identities whose first wallet this transaction has made."""

    def add(self, found: Iterable[Wallet]) -> None:
        """Take in wallets that were just locked."""
        for each in found:
            if each.id not in self.by_id:
                self.wallets[each.identity_id] = self.by_id[each.id] = each
                self.members.setdefault(each.owner_id, Member(each.owner_id, [])).wallets.append(each)

    def member(self, identity_id: str) -> Member:
        """The member an identity belongs to."""
        return self.members[self.wallets[identity_id].owner_id]

    def member_of(self, owner_id: str) -> Member:
        """The member with this id, who may have no wallet yet."""
        return self.members.setdefault(owner_id, Member(owner_id, [], {}, lots_complete=True))


LOCKED: Slot[Locked] = Slot("loyalty.locked", Locked)
"""The wallets that this transaction holds. They change in memory, so a failed savepoint drops them."""


async def lock(
    tx: Tx, identity_ids: Iterable[str], *, create: bool = True, as_owners: bool = False
) -> Locked:
    """Lock the wallets of all owners concerned, in one statement, in the order of their ids; this lock is the read.

    `create`: identities not seen yet get a wallet first. `as_owners`: also what these own without being in it, as
    while the events of one merge are on their way. What this transaction holds is answered from memory.
    """
    locked = tx.slot(LOCKED)
    wanted = sorted({each for each in identity_ids if as_owners or each not in locked.wallets})
    if wanted:
        if create:
            locked.created += await _create(tx, wanted)
        locked.add(await _lock_groups(tx, wanted, as_owners=as_owners))
        ids.forget(tx)
    return locked


async def known(read: Read, identity_ids: Sequence[str]) -> set[str]:
    """Which of these identities have a wallet."""
    rows = await read.all(select(wallet.c.identity_id).where(any_of(wallet.c.identity_id, identity_ids)))
    return {identity_id for (identity_id,) in rows}


async def group(read: Read, identity_id: str) -> Member | None:
    """The member an identity belongs to, without a lock; None if the identity was never seen."""
    owner = select(wallet.c.owner_id).where(wallet.c.identity_id == identity_id).scalar_subquery()
    found = [Wallet(*row) for row in await read.all(_select().where(wallet.c.owner_id == owner))]
    return Member(found[0].owner_id, found) if found else None


async def due(read: Read, now: datetime) -> list[str]:
    """A page of identities in whose wallets something fell due."""
    statement = select(wallet.c.identity_id).where(wallet.c.next_due_at <= now).order_by(wallet.c.next_due_at)
    return [identity_id for (identity_id,) in await read.all(statement.limit(PAGE_MAX))]


async def store(tx: Tx, changed: Iterable[Wallet], *, owners: bool = False) -> None:
    """Store balances; `owners`: also whose the wallets are."""
    names = ("id", *_OWNER, *_BALANCE) if owners else ("id", *_BALANCE)
    rows = [{name: getattr(each, name) for name in names} for each in changed]
    await tx.update_many(wallet, sorted(rows, key=lambda row: row["id"]), key=["id"])


def _select() -> Select[*tuple[Any, ...]]:
    return select(*COLUMNS)


async def _create(tx: Tx, wanted: Sequence[str]) -> list[str]:
    """Insert the wallets that are missing, meeting those who wait for these identities; tells which are new."""
    there = await known(tx, wanted)
    missing = [identity_id for identity_id in wanted if identity_id not in there]
    if not missing:
        return []
    await locks.rendezvous(tx, (f"identity:{identity_id}" for identity_id in missing))
    fresh = (each for taken in await blocks.take(tx, ledger_id, len(missing)) for each in taken)
    rows = [_row(row_id, identity_id) for row_id, identity_id in zip(fresh, missing, strict=False)]
    return [row[0] for row in await tx.insert_new(wallet, rows, returning=[wallet.c.identity_id])]


def _row(row_id: int, identity_id: str) -> dict[str, Any]:
    fresh = Wallet(row_id, identity_id, identity_id, last_booked_at=NOT_BOOKED)
    return {name: getattr(fresh, name) for name in _FIELDS} | {"programme_id": PROGRAMME, "kind": SPENDABLE}


async def _lock_groups(tx: Tx, wanted: Sequence[str], *, as_owners: bool) -> list[Wallet]:
    """Lock whole groups. A merge that commits while this waits leaves a group in parts: let go, and once more."""
    for _ in range(REPEATS_MAX):
        try:
            async with tx.savepoint():
                return await _lock_once(tx, wanted, as_owners=as_owners)
        except _Incomplete:
            continue
    raise OwnerChanged("the owners of these wallets change too quickly")


async def _lock_once(tx: Tx, wanted: Sequence[str], *, as_owners: bool) -> list[Wallet]:
    named = any_of(wallet.c.identity_id, wanted)
    owners = select(wallet.c.owner_id).where(
        named | any_of(wallet.c.owner_id, wanted) if as_owners else named
    )
    statement = _select().where(wallet.c.owner_id.in_(owners)).order_by(wallet.c.id).with_for_update()
    found = [Wallet(*row) for row in await tx.all(statement)]
    sizes = Counter(each.owner_id for each in found)
    if any(sizes[each.owner_id] != each.group_size for each in found):
        raise _Incomplete
    missing = sorted(set(wanted) - {each.identity_id for each in found})
    if missing and await known(tx, missing):  # it is there, and moved away while this waited
        raise _Incomplete
    return found
