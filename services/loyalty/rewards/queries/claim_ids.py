"""The ids by which callers know claims."""

from __future__ import annotations

from shared.vault import Numbers

_CLAIM = "rwc"


def id_of_claim(numbers: Numbers, number: int) -> str:
    """Return the id of a claim."""
    return numbers.name(_CLAIM, number)


def claim_named(numbers: Numbers, text: str) -> int | None:
    """Return the number of the claim that an id names; None if it names none."""
    return numbers.number(_CLAIM, text)
