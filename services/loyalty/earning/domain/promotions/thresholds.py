"""满减: an amount off from a threshold on, in steps or for each full threshold; and percentages that grow with the quantity."""

from typing import Annotated, Literal

from pydantic import Field

from services.loyalty.earning.domain.promotions.terms import (
    STEPS_MAX,
    Amounts,
    Base,
    Basis,
    Missing,
    Off,
    OfLines,
    Percent,
    PromotionTerms,
    Stage,
    Times,
    percent_of,
)
from services.loyalty.ledger.domain.documents import Part
from shared.limits import LINES_MAX, QUANTITY_MAX

BaseOfThreshold = Annotated[Base, Field(description="The amount that the threshold looks at.")]


class Threshold(PromotionTerms):
    """A promotion of the order that counts from an amount on."""

    base: BaseOfThreshold = Base.BEFORE

    @property
    def stage(self) -> Stage:
        """Return the stage of the order, or the one after it."""
        return Stage.AFTER if self.base is Base.AFTER else Stage.ORDER

    def reached(self, basis: Basis) -> int:
        """Return the amount that the threshold looks at."""
        return basis.listed.amount(basis.mask) if self.base is Base.LIST else basis.amount


class AmountStep(Part):
    """A step of a ladder: from `reaches` on, `off` is taken off."""

    reaches: Amounts
    off: Amounts


class ThresholdOff(Threshold):
    """Takes off the amount of the highest step that the lines that count reach, such as 30 from 300 on and 60 from 500 on."""

    kind: Literal["threshold_off"] = "threshold_off"
    steps: Annotated[tuple[AmountStep, ...], Field(min_length=1, max_length=STEPS_MAX)]

    def off(self, basis: Basis) -> Off:
        """Return the amount of the highest step that is reached."""
        amount, currency, off = self.reached(basis), basis.cart.currency, None
        steps = [
            (step.reaches[currency], step.off[currency]) for step in self.steps if currency in step.reaches
        ]
        for reaches, taken in steps:
            if reaches <= amount:
                off = taken
        if off is None and steps:
            return Missing(basis.fact("amount"), steps[0][0] - amount)
        return off


class EveryAmountOff(Threshold):
    """Takes off `takes` for each full `every` that the lines that count reach, such as 10 for each full 100."""

    kind: Literal["every_amount_off"] = "every_amount_off"
    every: Amounts
    takes: Amounts
    times: Times = None

    def off(self, basis: Basis) -> Off:
        """Return the amount for each full threshold."""
        every, taken = basis.of(self.every), basis.of(self.takes)
        if every is None or taken is None:
            return None
        amount = self.reached(basis)
        times = amount // every
        if times == 0:
            return Missing(basis.fact("amount"), every - amount)
        return taken * (times if self.times is None else min(times, self.times))


class QuantityStep(Part):
    """A step of a ladder: from `quantity` units on, `percent` is taken off."""

    quantity: Annotated[int, Field(ge=1, le=LINES_MAX * QUANTITY_MAX)]
    percent: Percent


class QuantityLadder(OfLines):
    """Takes off the percentage of the highest step that the units of the lines that count reach, such as 10 % from two units on."""

    kind: Literal["quantity_ladder"] = "quantity_ladder"
    steps: Annotated[tuple[QuantityStep, ...], Field(min_length=1, max_length=STEPS_MAX)]

    def off(self, basis: Basis) -> Off:
        """Return the percentage of the sum, half a minor unit rounded up."""
        quantity = basis.quantity
        percents = [step.percent for step in self.steps if step.quantity <= quantity]
        if not percents:
            return Missing(basis.fact("quantity"), self.steps[0].quantity - quantity)
        return percent_of(basis.amount, percents[-1])
