"""The refusals of activities."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from shared.catalogues import field_sentence
from shared.errors import DomainError, FieldError, Kind
from shared.limits import CLOCKS_DIFFER_MAX

FACTS_MAX = 20
"""Facts of one activity."""
FACT_MAX = 1_000_000_000_000
"""The greatest number that a fact of an activity can be."""

_DIFFERS = field_sentence(__name__, "differs")


class ActivityNotFound(DomainError):
    """There is no such activity, or this caller may not see it."""

    kind, code = Kind.NOT_FOUND, "activity_not_found"


class ActivityConflict(DomainError):
    """The same activity was told before with other content."""

    kind, code = Kind.CONFLICT, "activity_conflict"


class ActivityInTheFuture(DomainError):
    """An activity is dated further in the future than clocks differ."""

    kind, code = Kind.INVALID, "activity_in_the_future"
    constants = {"hours": CLOCKS_DIFFER_MAX // timedelta(hours=1)}


def conflicting(pointers: Sequence[str]) -> ActivityConflict:
    """Return the refusal of an activity that was told before with other content. It names the fields that differ."""
    names = list(dict.fromkeys(pointer.split("/")[1] for pointer in pointers))
    errors = [FieldError.of(pointer, _DIFFERS) for pointer in pointers]
    return ActivityConflict(errors=errors, extra={"fields": names}, fields=names)
