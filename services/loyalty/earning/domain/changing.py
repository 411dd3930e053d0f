"""The instants at which rules and promotions begin, end, open or close: between two of them a cart has the same answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from services.loyalty.earning.domain import conditions, windows
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.rules.terms import Selection


def selections_of(book: CompiledRulebook) -> list[Selection]:
    """Return the rules and promotions of a version."""
    found: list[Selection] = [base.rule for base in book.bases]
    found += [multiplier.rule for multiplier in book.multipliers]
    return found + [promotion.rule for promotion in book.promotions]


def next_change(selections: Iterable[Selection], at: datetime) -> datetime | None:
    """Return the next instant at which one of these begins, ends, or finds a window of time opened or closed; None: there is none within a day."""
    instants: list[datetime | None] = []
    for selection in selections:
        instants += [selection.begins_at, selection.ends_at]
        instants += [windows.next_change(window, at) for window in conditions.windows_of(selection.when)]
    return min((instant for instant in instants if instant is not None and instant > at), default=None)


def state(selections: Sequence[Selection], at: datetime) -> list[int]:
    """Return which of these have begun, have ended, and which of their windows are open: with the same state a cart has the same answers."""
    found = []
    for selection in selections:
        found += [int(end is not None and end <= at) for end in (selection.begins_at, selection.ends_at)]
        found += [int(windows.contains(window, at)) for window in conditions.windows_of(selection.when)]
    return found
