"""The worker process of a fit: one request as JSON on standard input, one outcome as JSON on standard output.

It reads its input from the database by itself, so neither rows nor NumPy ever pass through the serving process.
"""

import asyncio
import sys
from datetime import date

from pydantic import BaseModel

from services.scoring.domain import training
from services.scoring.domain.scores import Kind
from services.scoring.domain.training import Outcome
from services.scoring.storage import fit_input
from shared import money
from shared.db import Read, open_database


class FitRequest(BaseModel):
    """What to fit, from which database."""

    database_url: str
    kind: Kind
    currency: str
    until: date
    round_days: bool


async def train(read: Read, request: FitRequest) -> Outcome:
    """Read the rows of one kind of model and fit it."""
    match request.kind:
        case "bg_nbd":
            return training.train_bg_nbd(await fit_input.repeat_rows(read, request.until))
        case "gamma_gamma":
            rows = await fit_input.spend_rows(read, request.until, request.currency)
            return training.train_gamma_gamma(rows, exponent=money.exponent(request.currency))
        case "rfm":
            found = await fit_input.rfm_rows(read, request.until)
            return training.train_rfm(
                found.recency, found.frequency, found.monetary, round_days=request.round_days
            )


async def _run(request: FitRequest) -> Outcome:
    database = open_database(request.database_url)
    try:
        async with database.read() as read:
            return await train(read, request)
    finally:
        await database.close()


if __name__ == "__main__":
    outcome = asyncio.run(_run(FitRequest.model_validate_json(sys.stdin.buffer.read())))
    sys.stdout.write(outcome.model_dump_json())
