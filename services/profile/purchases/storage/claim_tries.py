"""The failed tries of customers to claim a receipt."""

from datetime import datetime

from sqlalchemy import select

from services.profile.purchases.storage.tables import ClaimTriesRecord, claim_tries
from shared.db import Tx, columns_of


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


async def store(tx: Tx, customer_id: str, failed: int, since: datetime) -> None:
    """Store the number of failed tries and the time of the first one. The caller has locked them."""
    record = ClaimTriesRecord(customer_id, failed, since)
    await tx.update_records(claim_tries, [record], key=("customer_id",))
