"""The ids by which callers know opening balances."""

from __future__ import annotations

from shared.vault import Numbers


def id_of_opening(numbers: Numbers, number: int) -> str:
    """Return the id of an opening balance."""
    return numbers.name("opn", number)
