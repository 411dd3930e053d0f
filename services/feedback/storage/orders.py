"""Orders and their returns as profile told them: joined to complaints when these are read."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select

from services.feedback.storage.tables import order_fact, order_return
from shared.db import Read, Tx
from shared.identity.tables import identity


async def add(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store purchases, each once."""
    await tx.insert_new(order_fact, sorted(rows, key=lambda row: row["purchase_id"]))


async def add_returns(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store returns, each once."""
    await tx.insert_new(order_return, sorted(rows, key=lambda row: row["return_id"]))


async def find(read: Read, source: str, order_id: str) -> Row[*tuple[Any, ...]] | None:
    """The purchase behind an order reference, with its customer of today; None if it was not told yet."""
    return await read.first(
        select(order_fact, identity.c.owner_id)
        .join(identity, identity.c.identity_id == order_fact.c.identity_id)
        .where(order_fact.c.source == source, order_fact.c.order_id == order_id)
    )


async def returns_of(read: Read, purchase_id: str) -> Sequence[Row[*tuple[Any, ...]]]:
    """What of a purchase went back, in effective order."""
    return await read.all(
        select(order_return)
        .where(order_return.c.purchase_id == purchase_id)
        .order_by(order_return.c.occurred_at, order_return.c.return_id)
    )
