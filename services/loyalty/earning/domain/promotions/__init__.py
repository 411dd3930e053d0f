"""The registry of promotions: a new kind is a class beside these, named here."""

from typing import Annotated

from pydantic import BaseModel, Field

from services.loyalty.earning.domain.promotions.amounts import AmountOff, FixedPrice, OffPerUnit
from services.loyalty.earning.domain.promotions.bundle import Bundle
from services.loyalty.earning.domain.promotions.buy_x_get_y import BuyXGetY
from services.loyalty.earning.domain.promotions.gift import Gift
from services.loyalty.earning.domain.promotions.percents import PercentOff, PercentOffLines
from services.loyalty.earning.domain.promotions.shipping import FreeShipping
from services.loyalty.earning.domain.promotions.thresholds import EveryAmountOff, QuantityLadder, ThresholdOff

promotion_of_kind: dict[str, type[BaseModel]] = {
    "percent_off_lines": PercentOffLines,
    "off_per_unit": OffPerUnit,
    "fixed_price": FixedPrice,
    "quantity_ladder": QuantityLadder,
    "buy_x_get_y": BuyXGetY,
    "bundle": Bundle,
    "percent_off": PercentOff,
    "amount_off": AmountOff,
    "threshold_off": ThresholdOff,
    "every_amount_off": EveryAmountOff,
    "free_shipping": FreeShipping,
    "gift": Gift,
}

Promotion = Annotated[
    PercentOffLines
    | OffPerUnit
    | FixedPrice
    | QuantityLadder
    | BuyXGetY
    | Bundle
    | PercentOff
    | AmountOff
    | ThresholdOff
    | EveryAmountOff
    | FreeShipping
    | Gift,
    Field(discriminator="kind"),
]

__all__ = [
    "AmountOff",
    "Bundle",
    "BuyXGetY",
    "EveryAmountOff",
    "FixedPrice",
    "FreeShipping",
    "Gift",
    "OffPerUnit",
    "PercentOff",
    "PercentOffLines",
    "Promotion",
    "QuantityLadder",
    "ThresholdOff",
    "promotion_of_kind",
]
