"""The statements on wallets: find, lock, insert and store them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from operator import attrgetter

from sqlalchemy import ColumnElement, Select, func, select

from services.loyalty.ledger.domain.programme import PROGRAMME
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.storage.tables import SPENDABLE, WalletRecord, ledger_id, wallet
from shared.db import Read, Tx, any_named, any_of, blocks, columns_of

NOT_BOOKED = datetime(1970, 1, 1, tzinfo=UTC)
"""The last booking of a new wallet; its first real one is read after the lock."""

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
_SELECT = select(*columns_of(wallet, Wallet))
_NAMED = any_named(wallet.c.identity_id, "identity_ids")


def _lock_of(named: ColumnElement[bool]) -> Select[*tuple[object, ...]]:
    owners = select(wallet.c.owner_id).where(named)
    return _SELECT.where(wallet.c.owner_id.in_(owners)).order_by(wallet.c.id).with_for_update()


_LOCK = _lock_of(_NAMED)
"""These statements are built once, because building one costs more than running it."""
_OWNERS = select(wallet.c.identity_id, wallet.c.owner_id).where(_NAMED)
_LOCK_AS_OWNERS = _lock_of(_NAMED | any_named(wallet.c.owner_id, "identity_ids"))


async def known(read: Read, identity_ids: Sequence[str]) -> set[str]:
    """Return those of these identities that have a wallet."""
    rows = await read.all(select(wallet.c.identity_id).where(any_of(wallet.c.identity_id, identity_ids)))
    return {identity_id for (identity_id,) in rows}


async def customer_of(read: Read, identity_id: str) -> str:
    """Return the customer that owns an identity. An identity without a wallet is its own owner."""
    owner = await read.scalar(select(wallet.c.owner_id).where(wallet.c.identity_id == identity_id))
    return owner or identity_id


async def lock_groups(tx: Tx, identity_ids: Sequence[str], *, as_owners: bool) -> list[Wallet]:
    """Lock all wallets of the owners of these identities, by id, in one statement.

    `as_owners`: also the wallets that these identities own.
    """
    statement = _LOCK_AS_OWNERS if as_owners else _LOCK
    return await tx.read_records(Wallet, statement, {"identity_ids": identity_ids})


async def lock_for_reading(tx: Tx, identity_ids: Sequence[str]) -> list[Wallet]:
    """Lock the wallets of these identities against writers, by id."""
    named = any_of(wallet.c.identity_id, identity_ids)
    statement = _SELECT.where(named).order_by(wallet.c.id).with_for_update(read=True)
    return await tx.read_records(Wallet, statement)


async def add(tx: Tx, identity_ids: Sequence[str]) -> list[str]:
    """Insert a wallet for each of these sorted identities, and return the identities that had none."""
    ranges = await blocks.take(tx, ledger_id, len(identity_ids))
    fresh_ids = (row_id for ids in ranges for row_id in ids)
    records = [
        _new_record(row_id, identity_id) for row_id, identity_id in zip(fresh_ids, identity_ids, strict=False)
    ]
    new = await tx.insert_new_records(wallet, records, returning=[wallet.c.identity_id])
    return [identity_id for (identity_id,) in new]


async def store(tx: Tx, wallets: Iterable[Wallet], *, owners: bool = False) -> None:
    """Store balances; `owners`: also the columns of ownership."""
    columns = (*_OWNER, *_BALANCE) if owners else _BALANCE
    await tx.update_records(wallet, sorted(wallets, key=attrgetter("id")), columns=columns)


async def due(read: Read, now: datetime, limit: int) -> list[str]:
    """Return identities in whose wallets points fell due, the longest waiting first."""
    statement = select(wallet.c.identity_id).where(wallet.c.next_due_at <= now).order_by(wallet.c.next_due_at)
    return [identity_id for (identity_id,) in await read.all(statement.limit(limit))]


async def page(read: Read, after: int, limit: int) -> list[Wallet]:
    """Return the next wallets as stored, by id."""
    statement = _SELECT.where(wallet.c.id > after).order_by(wallet.c.id).limit(limit)
    return await read.read_records(Wallet, statement)


async def of_owners(read: Read, owner_ids: Sequence[str]) -> list[Wallet]:
    """Return all wallets of these owners as stored, by id."""
    statement = _SELECT.where(any_of(wallet.c.owner_id, owner_ids)).order_by(wallet.c.id)
    return await read.read_records(Wallet, statement)


async def count_owners(read: Read) -> int:
    """Return how many owners of wallets there are."""
    return await read.scalar(select(func.count(wallet.c.owner_id.distinct()))) or 0


async def owners(read: Read, identity_ids: Sequence[str]) -> dict[str, str]:
    """Return the customers that own these identities, as far as they have wallets."""
    rows = await read.all(_OWNERS, {"identity_ids": sorted(set(identity_ids))})
    return {row.identity_id: row.owner_id for row in rows}


async def identities(read: Read, wallet_ids: Sequence[int]) -> list[str]:
    """Return the identities of these wallets."""
    rows = await read.all(select(wallet.c.identity_id).where(any_of(wallet.c.id, wallet_ids)))
    return [identity_id for (identity_id,) in rows]


def _new_record(row_id: int, identity_id: str) -> WalletRecord:
    return WalletRecord(
        id=row_id,
        programme_id=PROGRAMME,
        kind=SPENDABLE,
        identity_id=identity_id,
        owner_id=identity_id,
        ownership_version=0,
        erased_at=None,
        group_size=1,
        active=0,
        pending=0,
        held=0,
        owed=0,
        next_due_at=None,
        last_booked_at=NOT_BOOKED,
        spend=0,
        spend_at=None,
        spend_drop_at=None,
    )
