"""Points per whole unit of money: ⌊sum / 10^exponent⌋ × rate."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from services.loyalty.earning.domain.rules.grants import Grant, Nothing
from services.loyalty.ledger.domain import calendar
from services.loyalty.purchases.domain import attribution
from services.loyalty.purchases.domain.facts import Purchase
from shared import money


class PointsPerAmount(BaseModel):
    """Grants `rates[currency]` points for each whole unit of the order's sum.

    The points can be spent `available_after_days` calendar days later (None: at once) and expire
    `expires_after_months` calendar months after the purchase (None: never).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["points_per_amount"] = "points_per_amount"
    code: str
    rates: dict[str, Annotated[int, Field(ge=1)]]
    available_after_days: Annotated[int, Field(ge=1, le=366)] | None = None
    expires_after_months: Annotated[int, Field(ge=1, le=240)] | None = None

    def answer(self, purchase: Purchase, zone: ZoneInfo) -> Grant | Nothing:
        """Return what this rule grants for a purchase."""
        rate = self.rates.get(purchase.currency)
        if rate is None:
            return Nothing(self.code, "no_rate")
        base = attribution.eligible_amount(purchase.lines)
        points = base // 10 ** money.exponent(purchase.currency) * rate
        if points == 0:
            return Nothing(self.code, "zero")
        days, months, at = self.available_after_days, self.expires_after_months, purchase.occurred_at
        return Grant(
            rule=self.code,
            points=points,
            base=base,
            eligible=None,
            available_at=None if days is None else calendar.plus_days(at, days, zone),
            expires_at=None if months is None else calendar.plus_months(at, months, zone),
        )
