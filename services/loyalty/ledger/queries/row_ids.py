"""The ids by which callers know the rows of the ledger, and the rows that these ids name."""

from __future__ import annotations

from services.loyalty.ledger.domain.postings import PostingCause
from services.loyalty.ledger.storage import plain_ids
from services.loyalty.parameters import plain_number
from shared.db import Read
from shared.vault import Numbers

_ADJUSTMENT, _LOT, _HOLD = "adj", "lot", "hold"


def id_of_adjustment(numbers: Numbers, number: int) -> str:
    """Return the id of an adjustment."""
    return numbers.name(_ADJUSTMENT, number)


def id_of_lot(numbers: Numbers, number: int) -> str:
    """Return the id of a lot."""
    return numbers.name(_LOT, number)


def id_of_transaction(numbers: Numbers, cause: PostingCause) -> str:
    """Return the id of a ledger transaction: of all postings with this cause."""
    return numbers.name(cause.prefix, cause.id)


def id_of_hold(numbers: Numbers, number: int) -> str:
    """Return the id of a hold."""
    return numbers.name(_HOLD, number)


def hold_named(numbers: Numbers, text: str) -> int | None:
    """Return the number of the hold that an id names; None if it names none."""
    return numbers.number(_HOLD, text)


async def adjustment_named(read: Read, numbers: Numbers, text: str) -> int | None:
    """Return the number of the adjustment that an id names; None if it names none."""
    return await row_named(read, numbers, _ADJUSTMENT, text)


async def row_named(read: Read, numbers: Numbers, prefix: str, text: str) -> int | None:
    """Return the number of the row that an id such as `red_…` names; None if it names none.

    An id with the number itself, such as `red_1281`, is of the time before numbers had names. It names only what was booked then, so that
    nobody counts by trying numbers what has come since.
    """
    number = numbers.number(prefix, text)
    if number is not None:
        return number
    plain = plain_number(prefix, text)
    return plain if plain is not None and plain < await plain_ids.end(read) else None
