"""Take in returns."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from services.scoring.storage import facts
from services.scoring.storage.facts import ReturnRow
from services.scoring.usecases.lock_customers import lock_customers
from services.scoring.usecases.refold_customers import refold_customers
from services.scoring.usecases.restate_customers import restate_customers
from shared.db import Tx
from shared.events.base import Cause


async def record_returns(tx: Tx, rows: Sequence[ReturnRow], zone: ZoneInfo) -> None:
    """Store returns and lower the days of their purchases; one whose purchase is unknown waits in its table."""
    owners = await lock_customers(tx, (row.fact.identity_id for row in rows), zone)
    told = {row.fact.return_id: row for row in reversed(rows) if row.fact.identity_id in owners}
    living = [
        row for row in rows if told.get(row.fact.return_id) is row
    ]  # the first told of an id is the fact
    new = await facts.add_returns(tx, living, tx.now)
    returned = [row.fact for row in living if row.fact.return_id in new]
    if not returned:
        return
    await facts.roll_up_days(tx, sorted({fact.purchase_id for fact in returned}))
    causes = {owners[fact.identity_id]: Cause(kind="return", id=fact.return_id) for fact in returned}
    await refold_customers(tx, causes.keys())
    await restate_customers(tx, causes, "purchase", zone)
