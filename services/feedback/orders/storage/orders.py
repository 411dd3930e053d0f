"""Orders and their returns in the database."""

from collections.abc import Sequence
from operator import attrgetter

from sqlalchemy import select

from services.feedback.orders.domain import OwnedOrder
from services.feedback.orders.storage.tables import OrderRecord, OrderReturnRecord, order_fact, order_return
from shared.db import Read, Tx, columns_of
from shared.identity.tables import identity

ORDERS = select(order_fact.c.purchase_id, order_fact.c.amount_minor)
RETURNS = select(order_return.c.return_id, order_return.c.amount_minor)
"""The facts of which each has its event."""


async def add(tx: Tx, orders: Sequence[OrderRecord]) -> None:
    """Store orders, each once."""
    await tx.insert_new_records(order_fact, sorted(orders, key=attrgetter("purchase_id")))


async def add_returns(tx: Tx, returns: Sequence[OrderReturnRecord]) -> None:
    """Store returns, each once."""
    await tx.insert_new_records(order_return, sorted(returns, key=attrgetter("return_id")))


async def named(read: Read, source: str, order_id: str) -> list[OwnedOrder]:
    """Return the orders of all issuers behind a reference, in the order of their ids."""
    columns = order_fact.c
    statement = (
        select(
            columns.purchase_id,
            columns.issuer,
            columns.identity_id,
            columns.occurred_at,
            columns.currency,
            columns.amount_minor,
            columns.lines,
            identity.c.owner_id,
        )
        .join(identity, identity.c.identity_id == columns.identity_id)
        .where(columns.source == source, columns.order_id == order_id)
        .order_by(columns.purchase_id)
    )
    return await read.read_records(OwnedOrder, statement)


async def returns_of(read: Read, purchase_id: str) -> list[OrderReturnRecord]:
    """Return the returns of a purchase in effective order."""
    statement = (
        select(*columns_of(order_return, OrderReturnRecord))
        .where(order_return.c.purchase_id == purchase_id)
        .order_by(order_return.c.occurred_at, order_return.c.return_id)
    )
    return await read.read_records(OrderReturnRecord, statement)
