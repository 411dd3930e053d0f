"""Discounts as quotes and holds show them."""

from collections.abc import Sequence

from pydantic import Field

from services.loyalty.promotions.queries.discount_cart import Discount, DiscountedCart, Refused, WhyNot
from services.loyalty.purchases.domain.facts import Line
from shared.auth.principal import Principal
from shared.http.models import Response


class DiscountedLineOut(Response):
    """A line of a cart with its discounts."""

    line: int = Field(description="The number of the line, from 1.")
    sku: str
    quantity: int
    gross_minor: int = Field(description="What it costs before discounts.")
    discount_minor: int = Field(description="What all promotions together take off it.")
    net_minor: int = Field(
        description="What it costs after discounts, before points. Purchases are recorded with it."
    )


class LineDiscountOut(Response):
    """The part of a discount that falls on one line."""

    line: int = Field(description="The number of the line, from 1.")
    amount_minor: int


class GivenGiftOut(Response):
    """Units of an article that a promotion adds to the order. They cost nothing."""

    sku: str
    quantity: int


class DiscountOut(Response):
    """The money that a promotion takes off, or what it gives."""

    promotion: str
    amount_minor: int = Field(description="All that it takes off.")
    lines: list[LineDiscountOut] = Field(description="The lines that it takes something off.")
    shipping_minor: int = Field(description="What it takes off the shipping.")
    gift: GivenGiftOut | None = Field(description="What it gives; null: it takes money off.")


class RefusedPromotionOut(Response):
    """A promotion that takes nothing off."""

    promotion: str
    reason: WhyNot
    fact: str | None = Field(
        description="The first fact that was not met, such as `order.amount` or `sum.quantity`."
    )
    missing: int | None = Field(
        description="How much more of the fact would have met it, if more would; money in minor units."
    )


class DiscountsOut(Response):
    """The promotions of a cart: those that take something off, in the order in which they were served, and the others."""

    amount_minor: int = Field(description="What all promotions together take off lines and shipping.")
    applied: list[DiscountOut]
    rejected: list[RefusedPromotionOut]


def lines_shown(lines: Sequence[Line], discounts: Sequence[Discount]) -> list[DiscountedLineOut]:
    """Return lines with their discounts, as they are shown."""
    off = [sum(amounts) for amounts in zip(*(discount.lines for discount in discounts), strict=True)]
    return [
        DiscountedLineOut(
            line=number,
            sku=line.sku,
            quantity=line.quantity,
            gross_minor=line.amount_minor,
            discount_minor=taken,
            net_minor=line.amount_minor - taken,
        )
        for number, (line, taken) in enumerate(zip(lines, off or [0] * len(lines), strict=True), 1)
    ]


def discounts_shown(discounts: Sequence[Discount]) -> list[DiscountOut]:
    """Return discounts, as they are shown."""
    return [
        DiscountOut(
            promotion=discount.promotion,
            amount_minor=discount.total,
            lines=[
                LineDiscountOut(line=number, amount_minor=amount)
                for number, amount in enumerate(discount.lines, 1)
                if amount
            ],
            shipping_minor=discount.shipping,
            gift=None
            if discount.gift is None
            else GivenGiftOut.model_validate(discount.gift, from_attributes=True),
        )
        for discount in discounts
    ]


def promotions_shown(discounted: DiscountedCart, caller: Principal) -> DiscountsOut:
    """Return what the promotions of a cart come to, as it is shown. Customers do not read of what has not begun."""
    served, reads_all = discounted.served, caller.customer_id is None
    return DiscountsOut(
        amount_minor=served.total,
        applied=discounts_shown(served.discounts),
        rejected=[
            _refused(refused)
            for refused in served.refused
            if reads_all or refused.reason is not WhyNot.NOT_IN_FORCE
        ],
    )


def _refused(refused: Refused) -> RefusedPromotionOut:
    return RefusedPromotionOut.model_validate(refused, from_attributes=True)
