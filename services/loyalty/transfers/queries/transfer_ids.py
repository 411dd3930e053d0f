"""The ids by which callers know transfers."""

from __future__ import annotations

from shared.vault import Numbers

_TRANSFER = "trf"


def id_of_transfer(numbers: Numbers, number: int) -> str:
    """Return the id of a transfer."""
    return numbers.name(_TRANSFER, number)


def transfer_named(numbers: Numbers, text: str) -> int | None:
    """Return the number of the transfer that an id names; None if it names none."""
    return numbers.number(_TRANSFER, text)
