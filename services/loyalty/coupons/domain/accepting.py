"""The codes of a cart: those that it can have, and those that it cannot."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from services.loyalty.coupons.domain.document import CouponDocument
from services.loyalty.coupons.domain.judging import CodeRefusal
from services.loyalty.earning.domain.budgets import BudgetKey, Quota, uses_of


@dataclass(frozen=True, slots=True)
class AcceptedCode:
    """A code that the cart can have. `number` is its place among those that were typed, from 1."""

    number: int
    code_id: int
    coupon: str
    version: int
    document: CouponDocument

    def quotas(self, channel: str | None) -> list[BudgetKey]:
        """Return the quotas that a use of it is taken from."""
        keys = [uses_of(self.coupon)]
        if channel in self.document.limits.channels:
            keys.append(uses_of(self.coupon, channel))
        return keys


@dataclass(frozen=True, slots=True)
class RefusedCode:
    """A code that the cart cannot have. `document` None: there is no such code."""

    number: int
    reason: CodeRefusal
    coupon: str | None = None
    document: CouponDocument | None = None


@dataclass(frozen=True, slots=True)
class AcceptedCodes:
    """The codes of a cart."""

    usable: tuple[AcceptedCode, ...] = ()
    refused: tuple[RefusedCode, ...] = ()

    @property
    def unlocked(self) -> frozenset[str]:
        """Return the promotions that the codes unlock."""
        return frozenset(promotion for code in self.usable for promotion in code.document.promotions)

    def effective(self, applied: Collection[str]) -> list[tuple[AcceptedCode, tuple[str, ...]]]:
        """Return the codes that unlock promotions which take effect, each with its promotions. A promotion counts for the first code."""
        left, found = set(applied), []
        for code in self.usable:
            mine = tuple(promotion for promotion in code.document.promotions if promotion in left)
            if mine:
                found.append((code, mine))
                left -= set(mine)
        return found


NO_CODES = AcceptedCodes()


def short_of_room(quotas: Mapping[BudgetKey, Quota]) -> list[str]:
    """Return the coupons with a quota that has no room."""
    return sorted({key.code.partition(":")[0] for key, quota in quotas.items() if not quota.room})
