"""Erasures, after the facts and the labels have handled them."""

from collections.abc import Sequence

from services.scoring.erasure.usecases.answer_erasures import answer_erasures
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.profile import CustomerErased


async def customer_erased(tx: Tx, _context: Context[Settings], events: Sequence[CustomerErased]) -> None:
    """Answer the erasures."""
    answer_erasures(tx, events)
