"""The ids by which callers know batches of codes."""

from __future__ import annotations

from shared.vault import Numbers

_BATCH = "cpb"


def id_of_batch(numbers: Numbers, number: int) -> str:
    """Return the id of a batch."""
    return numbers.name(_BATCH, number)


def batch_named(numbers: Numbers, text: str) -> int | None:
    """Return the number of the batch that an id names; None if it names none."""
    return numbers.number(_BATCH, text)
