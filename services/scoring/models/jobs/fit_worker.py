"""The worker process of a fit: it reads one order as JSON on standard input and writes one outcome to standard output.

The worker reads rows from the database by itself, so neither rows nor NumPy are ever loaded by the serving process.
"""

import asyncio
import sys
from datetime import date

from pydantic import BaseModel

from services.scoring.facts.queries import samples
from services.scoring.models.domain import training
from services.scoring.models.domain.kinds import Kind
from services.scoring.models.domain.training import Outcome
from shared import money
from shared.db import Read, open_database


class FitOrder(BaseModel):
    """An order to fit a kind of model to the data in a database."""

    database_url: str
    kind: Kind
    currency: str
    until: date
    round_days: bool


async def train(read: Read, order: FitOrder) -> Outcome:
    """Read the rows of one kind of model and fit it."""
    match order.kind:
        case "bg_nbd":
            return training.train_bg_nbd(await samples.repeat_rows(read, order.until))
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
