"""The ids by which callers know redemptions."""

from __future__ import annotations

from services.loyalty.ledger.queries.row_ids import row_named
from shared.db import Read
from shared.vault import Numbers

_REDEMPTION = "red"


def id_of_redemption(numbers: Numbers, number: int) -> str:
    """Return the id of a redemption."""
    return numbers.name(_REDEMPTION, number)


async def redemption_named(read: Read, numbers: Numbers, text: str) -> int | None:
    """Return the number of the redemption that an id names; None if it names none."""
    return await row_named(read, numbers, _REDEMPTION, text)
