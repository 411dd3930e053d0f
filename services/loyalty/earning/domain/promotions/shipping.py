"""Free shipping, or a part of it."""

from typing import Literal

from services.loyalty.earning.domain.promotions.terms import Basis, Off, PromotionTerms, Stage


class FreeShipping(PromotionTerms):
    """Takes the whole shipping off, or `at_most` of it."""

    kind: Literal["free_shipping"] = "free_shipping"

    @property
    def stage(self) -> Stage:
        """Return the stage of shipping."""
        return Stage.SHIPPING

    def off(self, basis: Basis) -> Off:
        """Return what shipping costs."""
        return basis.shipping_minor
