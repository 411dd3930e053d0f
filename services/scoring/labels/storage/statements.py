"""The rows of statements, one per customer and kind."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select

from services.scoring.labels.domain.statements import RFM, Statement
from services.scoring.labels.storage.tables import score
from shared.db import Read, Tx, any_of


async def of_customers(read: Read, customer_ids: Sequence[str]) -> dict[str, Statement]:
    """Return the latest statements about these customers."""
    statements = await read.read_records(
        Statement, select(score).where(any_of(score.c.customer_id, customer_ids), score.c.kind == RFM)
    )
    return {statement.customer_id: statement for statement in statements}


async def write(tx: Tx, statements: Sequence[Statement]) -> None:
    """Store statements about customers whose states are locked."""
    records = sorted(statements, key=lambda statement: statement.customer_id)
    await tx.upsert_records(score, records, key=["customer_id", "kind"])


async def due(read: Read, now: datetime, limit: int) -> list[str]:
    """Return customers whose label may change by time alone at `now`, those first that are due longest."""
    rows = await read.all(
        select(score.c.customer_id)
        .where(score.c.valid_until <= now)
        .order_by(score.c.valid_until)
        .limit(limit)
    )
    return [row.customer_id for row in rows]


async def delete_rows(tx: Tx, customer_ids: Sequence[str]) -> None:
    """Delete the statements about these customers."""
    await tx.execute(delete(score).where(any_of(score.c.customer_id, customer_ids)))
