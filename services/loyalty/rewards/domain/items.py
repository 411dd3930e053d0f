"""The items that members get for their claims, by their kinds."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from services.loyalty.ledger.domain.documents import Part
from shared.limits import LINE_AMOUNT_MAX, SKU_MAX

REFERENCE_MAX = 64
_VISIBLE = r"^[^\x00-\x20\x7f-\x9f]+$"

Reference = Annotated[str, Field(min_length=1, max_length=REFERENCE_MAX, pattern=_VISIBLE)]


class RewardKind(StrEnum):
    """The kind of a reward."""

    GIFT = "gift"
    COUPON = "coupon"
    CASH_OFF = "cash_off"
    EXPERIENCE = "experience"
    EVENT_TICKET = "event_ticket"
    DONATION = "donation"


class GiftItem(Part):
    """A thing that the shop hands over or sends."""

    kind: Literal["gift"]
    sku: Annotated[
        Annotated[str, Field(min_length=1, max_length=SKU_MAX, pattern=_VISIBLE)] | None,
        Field(description="The merchant's code of the thing."),
    ] = None


class CouponItem(Part):
    """A coupon of the merchant's own system. The merchant issues it and fulfils the claim."""

    kind: Literal["coupon"]
    reference: Annotated[Reference, Field(description="The merchant's name of the coupon.")]


class CashOffItem(Part):
    """Money that the shop takes off a later order."""

    kind: Literal["cash_off"]
    amount_minor: Annotated[int, Field(ge=1, le=LINE_AMOUNT_MAX, description="In minor units.")]
    currency: Annotated[str, Field(min_length=3, max_length=3, description="ISO 4217.")]


class ExperienceItem(Part):
    """Something that the member takes part in, such as a tasting."""

    kind: Literal["experience"]


class EventTicketItem(Part):
    """A seat at an event. The stock of the reward is the number of seats."""

    kind: Literal["event_ticket"]
    begins_at: Annotated[AwareDatetime | None, Field(description="When the event begins.")] = None


class DonationItem(Part):
    """Points that the member gives to a cause."""

    kind: Literal["donation"]


Item = Annotated[
    GiftItem | CouponItem | CashOffItem | ExperienceItem | EventTicketItem | DonationItem,
    Field(discriminator="kind"),
]
"""The item that a member gets for a claim."""


def merchants_codes(item: Item) -> dict[str, str]:
    """Return the merchant's own codes in an item, by the names of their fields."""
    if isinstance(item, CouponItem):
        return {"reference": item.reference}
    return {"sku": item.sku} if isinstance(item, GiftItem) and item.sku is not None else {}
