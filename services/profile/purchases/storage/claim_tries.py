"""The failed tries of customers to claim a receipt."""

from datetime import datetime

from sqlalchemy import delete, select

from services.profile.purchases.storage.tables import ClaimTriesRecord, claim_tries
from shared.db import Tx, any_of, columns_of

PRUNE_PAGE = 1_000
"""The most rows that one page of the pruning deletes."""


async def lock(tx: Tx, customer_id: str) -> ClaimTriesRecord:
    """Lock the failed tries of a customer and return them. A claim waits here for the customer's claims before it."""
    none_yet = ClaimTriesRecord(customer_id, 0, tx.now)
    await tx.insert_new_records(claim_tries, [none_yet])
    statement = (
        select(*columns_of(claim_tries, ClaimTriesRecord))
        .where(claim_tries.c.customer_id == customer_id)
        .order_by(claim_tries.c.customer_id)
        .with_for_update()
    )
    return await tx.read_record(ClaimTriesRecord, statement) or none_yet


async def prune(tx: Tx, *, before: datetime) -> int:
    """Delete at most PRUNE_PAGE rows whose first failed try was before an instant, and return their number.

    A row that a claim has locked is looked at again when the claim ends: it stays if it holds a new try.
    """
    old = (
        select(claim_tries.c.customer_id)
        .where(claim_tries.c.since < before)
        .order_by(claim_tries.c.customer_id)
        .limit(PRUNE_PAGE)
        .with_for_update()
    )
    customer_ids = [customer_id for (customer_id,) in await tx.all(old)]
    return await tx.execute(delete(claim_tries).where(any_of(claim_tries.c.customer_id, customer_ids)))


async def store(tx: Tx, customer_id: str, failed: int, since: datetime) -> None:
    """Store the number of failed tries and the time of the first one. The caller has locked them.

    A row that was deleted for its age while the caller waited for its lock is made again.
    """
    record = ClaimTriesRecord(customer_id, failed, since)
    await tx.upsert_records(claim_tries, [record], key=("customer_id",), update=("failed", "since"))
