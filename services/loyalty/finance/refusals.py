"""The refusals of the finance figures."""

from __future__ import annotations

from shared.errors import DomainError, Kind

MONTHS_MAX = 36
"""Months of one roll-forward."""


class PeriodRefused(DomainError):
    """Months that are not in order, are too many, or have not begun."""

    kind, code = Kind.INVALID, "period_refused"
    constants = {"most": MONTHS_MAX}
