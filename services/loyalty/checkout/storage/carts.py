"""The statements on the carts of holds and on committed holds."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from services.loyalty.checkout.storage.tables import CheckoutRecord, HeldCartRecord, checkout, held_cart
from shared.db import Read, Tx, any_of, columns_of


async def exists(read: Read, key: bytes) -> bool:
    """Return whether points were held under this key."""
    return await read.scalar(select(held_cart.c.hold_id).where(held_cart.c.key == key)) is not None


async def of_holds(read: Read, hold_ids: Sequence[int]) -> dict[int, HeldCartRecord]:
    """Return the carts of these holds."""
    wanted = any_of(held_cart.c.hold_id, hold_ids)
    statement = select(*columns_of(held_cart, HeldCartRecord)).where(wanted)
    return {record.hold_id: record for record in await read.read_records(HeldCartRecord, statement)}


async def committed(read: Read, hold_ids: Sequence[int]) -> dict[int, CheckoutRecord]:
    """Return what became of those of these holds that were committed."""
    wanted = any_of(checkout.c.hold_id, hold_ids)
    statement = select(*columns_of(checkout, CheckoutRecord)).where(wanted)
    return {record.hold_id: record for record in await read.read_records(CheckoutRecord, statement)}


async def is_paid(read: Read, order_token: bytes) -> bool:
    """Return whether a hold was committed for this order."""
    statement = select(checkout.c.hold_id).where(checkout.c.order_token == order_token)
    return await read.scalar(statement) is not None


async def add(tx: Tx, record: HeldCartRecord) -> None:
    """Store the cart of a new hold."""
    await tx.insert_records(held_cart, [record])


async def commit(tx: Tx, record: CheckoutRecord) -> None:
    """Store what a hold was committed for."""
    await tx.insert_records(checkout, [record])
