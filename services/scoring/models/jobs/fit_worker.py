"""The worker process of a fit: it reads one order as JSON on standard input and writes one outcome to standard output.

The worker reads rows from the database by itself, so neither rows nor NumPy are ever loaded by the serving process.
"""

import asyncio
import sys
from datetime import date, timedelta

from pydantic import BaseModel

from services.scoring.facts.queries import samples
from services.scoring.models.domain import holdout, training
from services.scoring.models.domain.holdout import Holdout
from services.scoring.models.domain.kinds import BgNbd, Kind
from services.scoring.models.domain.models import shipped
from services.scoring.models.domain.training import Outcome, Rival
from services.scoring.models.queries.models import all_in_force
from shared import money
from shared.db import Read, open_database


class FitOrder(BaseModel):
    """An order to fit a kind of model to the data in a database."""

    database_url: str
    kind: Kind
    currency: str
    until: date
    zone: str
    round_days: bool


async def train(read: Read, order: FitOrder) -> Outcome:
    """Read the rows of one kind of model and fit it."""
    match order.kind:
        case "bg_nbd":
            return await _train_bg_nbd(read, order)
        case "gamma_gamma":
            rows = await samples.spend_rows(read, order.until, order.currency)
            return training.train_gamma_gamma(rows, exponent=money.exponent(order.currency))
        case "rfm":
            histograms = await samples.rfm_rows(read, order.until)
            return training.train_rfm(
                histograms.recency,
                histograms.frequency,
                histograms.monetary,
                round_days=order.round_days,
            )


async def _train_bg_nbd(read: Read, order: FitOrder) -> Outcome:
    rows = await samples.repeat_rows(read, order.until)
    observed = max((observed for _, _, observed, _ in rows), default=0)
    days = holdout.days_of(observed)
    if days is None:
        return training.train_bg_nbd(rows)
    cut = order.until - timedelta(days=days)
    later = await samples.holdout_rows(read, order.until, cut)
    used = (await all_in_force(read, order.until, order.zone))["bg_nbd", ""]
    # A model of later days serves the past only for want of one that knew no more than the past did.
    model = shipped("bg_nbd", order.zone) if used.look_ahead else used.model
    assert model is not None, "BG/NBD has a shipped version"
    assert isinstance(model.parameters, BgNbd)
    return training.train_bg_nbd(
        rows,
        holdout=Holdout(days, later),
        rival=Rival(model.parameters, knows_holdout=model.until is not None and model.until > cut),
    )


async def _run(order: FitOrder) -> Outcome:
    database = open_database(order.database_url)
    try:
        async with database.read() as read:
            return await train(read, order)
    finally:
        await database.close()


if __name__ == "__main__":
    outcome = asyncio.run(_run(FitOrder.model_validate_json(sys.stdin.buffer.read())))
    sys.stdout.write(outcome.model_dump_json())
