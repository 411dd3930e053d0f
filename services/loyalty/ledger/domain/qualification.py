"""Qualification: what counts towards a tier, in which window, and what happens at the end of a period (docs/rules/tiers.md)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from services.loyalty.ledger.domain.documents import Part

COUNTS_AFTER_DAYS_MAX = 90
GRACE_DAYS_MAX = 180


class TierMetric(StrEnum):
    """It is counted towards a tier."""

    SPEND = "spend"
    ORDERS = "orders"
    ACTIVE_DAYS = "active_days"


class TierWindow(StrEnum):
    """The window in which it is counted: the months before an instant, a calendar period, or a year of membership."""

    ROLLING = "rolling"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ANNIVERSARY = "anniversary"


class Downgrade(StrEnum):
    """It says how far a member falls who did not qualify again in a period."""

    FULL = "full"
    ONE_STEP = "one_step"


class Qualification(Part):
    """It says what counts towards a tier, and when. Days, months and years are of the programme's calendar."""

    metric: Annotated[
        TierMetric,
        Field(
            description="Spend, orders of which a unit is left, or days with such an order. Only the programme's currency counts.",
        ),
    ] = TierMetric.SPEND
    window: Annotated[
        TierWindow,
        Field(
            description="The `window_months` before an instant, a calendar period, or a year from the day of the first purchase on.",
        ),
    ] = TierWindow.ROLLING
    counts_after_days: Annotated[
        int,
        Field(
            ge=0,
            le=COUNTS_AFTER_DAYS_MAX,
            description="A purchase counts from so many calendar days later on, such as the days in which it may be returned.",
        ),
    ] = 0
    grace_days: Annotated[
        int,
        Field(
            ge=0,
            le=GRACE_DAYS_MAX,
            description="So many days after a period a member still has the tier that was not reached again in it.",
        ),
    ] = 0
    downgrade: Annotated[
        Downgrade,
        Field(
            description="Who did not reach the tier again in a period falls to what was reached, or only one tier.",
        ),
    ] = Downgrade.FULL

    @property
    def in_periods(self) -> bool:
        """Return whether it is counted in periods that begin and end."""
        return self.window is not TierWindow.ROLLING

    @property
    def counting(self) -> tuple[TierMetric, TierWindow, int]:
        """Return what decides which purchases count, and when."""
        return self.metric, self.window, self.counts_after_days


ROLLING_SPEND = Qualification()
"""The qualification of a document that does not name one."""
