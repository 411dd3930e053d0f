"""A gift: an article that is added to the order and costs nothing."""

from typing import Annotated, Literal

from pydantic import Field

from services.loyalty.earning.domain.promotions.buy_x_get_y import UNITS_MAX
from services.loyalty.earning.domain.promotions.terms import Basis, Off, PromotionTerms, Stage
from shared.limits import SKU_MAX


class Gift(PromotionTerms):
    """Adds `quantity` units of an article to the order. They cost nothing, and count for no threshold."""

    kind: Literal["gift"] = "gift"
    sku: Annotated[str, Field(min_length=1, max_length=SKU_MAX, description="The article that is given.")]
    quantity: Annotated[int, Field(ge=1, le=UNITS_MAX)] = 1

    @property
    def stage(self) -> Stage:
        """Return the stage of gifts."""
        return Stage.GIFT

    def off(self, basis: Basis) -> Off:
        """Return nothing: a gift changes no price."""
        return 0
