"""Rules that change in the course of the test against the oracle, and what they say of the times of points."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.loyalty.earning.domain.document import RulebookDocument
from services.loyalty.earning.domain.rulebook import Rulebook
from services.loyalty.earning.domain.rules import PointsPerAmount
from tests.loyalty.oracle import FAR
from tests.loyalty.shop import START

CHANGES = (10, 20, 40)
"""Days after the start at which other rules come into force."""


def changing_rules() -> list[Rulebook]:
    """At first points at once and for ever; then pending two days; then for a month; then both."""
    kinds = ((None, None), (2, None), (None, 1), (2, 1))
    begins = (None, *(START + timedelta(days=days) for days in CHANGES))
    return [
        Rulebook(
            version=version,
            in_force_from=begin,
            document=RulebookDocument(
                rules=(
                    PointsPerAmount(
                        code="base", rates={"CNY": 1}, available_after_days=days, expires_after_months=months
                    ),
                )
            ),
        )
        for version, (begin, (days, months)) in enumerate(zip(begins, kinds, strict=True), 1)
    ]


def times_of(at: datetime) -> tuple[datetime | None, datetime]:
    """When points of a purchase at `at` can be spent, and until when."""
    days = (at - START) / timedelta(days=1)
    available_at = at + timedelta(days=2) if 10 <= days < 20 or days >= 40 else None
    if days < 20:
        return available_at, FAR
    year, month = (at.year + 1, 1) if at.month == 12 else (at.year, at.month + 1)
    try:
        return available_at, at.replace(year=year, month=month)
    except ValueError:  # a month without that day ends with its next one's first instant
        return available_at, datetime(at.year, at.month + 2, 1, tzinfo=UTC)
