"""The statements on redemptions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from services.loyalty.redemptions.storage.tables import RedemptionRecord, redemption
from shared.db import Read, Slice, Sorts, Tx, any_of, columns_of

SORTS = Sorts(occurred_at=(redemption.c.id,))
"""The ids of one member rise with time."""
_BY_KEY = select(redemption.c.id).where(redemption.c.key == bindparam("key"))


@dataclass(frozen=True, slots=True)
class Booked:
    """The points of a redemption, and the member who spent them."""

    id: int
    customer_id: str
    points: int


async def of_orders(read: Read, order_tokens: Iterable[bytes]) -> list[RedemptionRecord]:
    """Return the redemptions for these orders, in the order in which they were booked."""
    c, wanted = redemption.c, sorted(set(order_tokens))
    if not wanted:
        return []
    statement = (
        select(*columns_of(redemption, RedemptionRecord)).where(any_of(c.order_token, wanted)).order_by(c.id)
    )
    return await read.read_records(RedemptionRecord, statement)


async def rows_of_orders(read: Read, order_tokens: Sequence[bytes], wallet_ids: Sequence[int]) -> list[int]:
    """Return the row ids of the redemptions for these orders that these wallets' identities asked for."""
    c = redemption.c
    statement = select(c.id).where(any_of(c.order_token, order_tokens), any_of(c.wallet_id, wallet_ids))
    rows = await read.all(statement)
    return [row_id for (row_id,) in rows]


async def first_of_order(read: Read, order_token: bytes, wallet_ids: Sequence[int] | None) -> Booked | None:
    """Return the first redemption to pay an order; None if there is none.

    `wallet_ids` are the wallets of the identities whose redemptions are looked at; None: those of all members.
    """
    c = redemption.c
    statement = select(*columns_of(redemption, Booked)).where(c.order_token == order_token)
    if wallet_ids is not None:
        statement = statement.where(any_of(c.wallet_id, wallet_ids))
    return await read.read_record(Booked, statement.order_by(c.id).limit(1))


async def of_wallets(read: Read, wallet_ids: Sequence[int]) -> list[Booked]:
    """Return the points of the redemptions that these wallets' identities asked for."""
    statement = select(*columns_of(redemption, Booked)).where(any_of(redemption.c.wallet_id, wallet_ids))
    return await read.read_records(Booked, statement)


async def page(read: Read, wallet_ids: Sequence[int], asked: Slice) -> list[RedemptionRecord]:
    """Return a page of the redemptions of these wallets."""
    c = redemption.c
    statement = select(*columns_of(redemption, RedemptionRecord)).where(any_of(c.wallet_id, wallet_ids))
    return await read.read_records(RedemptionRecord, SORTS.page(statement, asked))


async def by_ids(read: Read, row_ids: Sequence[int]) -> list[RedemptionRecord]:
    """Return the redemptions with these row ids."""
    statement = select(*columns_of(redemption, RedemptionRecord)).where(any_of(redemption.c.id, row_ids))
    return await read.read_records(RedemptionRecord, statement)


async def exists(read: Read, key: bytes) -> bool:
    """Return whether a redemption was made under this key."""
    return await read.scalar(_BY_KEY, {"key": key}) is not None


async def add(tx: Tx, record: RedemptionRecord) -> None:
    """Store a redemption."""
    await tx.insert_records(redemption, [record])
