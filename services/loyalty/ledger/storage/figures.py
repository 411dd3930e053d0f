"""The statements behind the figures of the ledger."""

from collections.abc import Sequence

from sqlalchemy import func, select

from services.loyalty.ledger.storage.tables import wallet
from shared.db import Read
from shared.db.sums import whole, wide_sum
from shared.metrics import Measure, Sample

WALLETS = Measure("wallets", "Wallets: one a programme and identity.")
ACTIVE = Measure("points_active", "Points that members can spend.")
PENDING = Measure("points_pending", "Points that were earned and cannot be spent yet.")
HELD = Measure("points_held", "Points that are held for a redemption.")
OWED = Measure(
    "points_owed",
    "Points that were spent and then taken back with a return: the next ones earned pay them.",
)
MEASURES = (WALLETS, ACTIVE, PENDING, HELD, OWED)


async def gauges(read: Read) -> Sequence[Sample]:
    """Count the wallets, and add up their points by state."""
    c = wallet.c
    halves = [half for column in (c.active, c.pending, c.held, c.owed) for half in wide_sum(column)]
    wallets, *sums = await read.one(select(func.count(), *halves).select_from(wallet))
    points = (whole(sums[place : place + 2]) for place in range(0, len(sums), 2))
    return [measure.of(float(value)) for measure, value in zip(MEASURES, (wallets, *points), strict=True)]
