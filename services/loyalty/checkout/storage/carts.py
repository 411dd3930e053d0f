"""The statements on the carts of holds and on committed holds."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from services.loyalty.checkout.storage.tables import CheckoutRecord, HeldCartRecord, checkout, held_cart
from shared.db import Read, Tx, any_named, columns_of

_BY_KEY = select(held_cart.c.hold_id).where(held_cart.c.key == bindparam("key"))
_OF_HOLDS = select(*columns_of(held_cart, HeldCartRecord)).where(any_named(held_cart.c.hold_id, "hold_ids"))
_COMMITTED = select(*columns_of(checkout, CheckoutRecord)).where(any_named(checkout.c.hold_id, "hold_ids"))
_PAID = select(checkout.c.hold_id).where(checkout.c.order_token == bindparam("order_token"))
"""The statements of every hold are built once, because building one costs more than running it."""


async def exists(read: Read, key: bytes) -> bool:
    """Return whether points were held under this key."""
    return await read.scalar(_BY_KEY, {"key": key}) is not None


async def of_holds(read: Read, hold_ids: Sequence[int]) -> dict[int, HeldCartRecord]:
    """Return the carts of these holds."""
    records = await read.read_records(HeldCartRecord, _OF_HOLDS, {"hold_ids": hold_ids})
    return {record.hold_id: record for record in records}


async def committed(read: Read, hold_ids: Sequence[int]) -> dict[int, CheckoutRecord]:
    """Return what became of those of these holds that were committed."""
    records = await read.read_records(CheckoutRecord, _COMMITTED, {"hold_ids": hold_ids})
    return {record.hold_id: record for record in records}


async def is_paid(read: Read, order_token: bytes) -> bool:
    """Return whether a hold was committed for this order."""
    return await read.scalar(_PAID, {"order_token": order_token}) is not None


async def add(tx: Tx, record: HeldCartRecord) -> None:
    """Store the cart of a new hold."""
    await tx.insert_records(held_cart, [record])


async def commit(tx: Tx, record: CheckoutRecord) -> None:
    """Store what a hold was committed for."""
    await tx.insert_records(checkout, [record])
