"""Read the codes that holds have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.loyalty.coupons.domain.states import CodeClaimState
from services.loyalty.coupons.storage import claims
from shared.db import Read


@dataclass(frozen=True, slots=True)
class HeldCode:
    """A code that a hold has, or had: its coupon, and the promotions that it unlocks."""

    coupon: str
    promotions: list[str]
    state: CodeClaimState


async def codes_of_holds(read: Read, hold_ids: Sequence[int]) -> dict[int, list[HeldCode]]:
    """Return the codes of these holds, by the row ids of the holds."""
    found: dict[int, list[HeldCode]] = {}
    for claim in await claims.of_holds(read, hold_ids):
        held = HeldCode(claim.coupon, list(claim.promotions), CodeClaimState(claim.state))
        found.setdefault(claim.hold_id, []).append(held)
    return found
