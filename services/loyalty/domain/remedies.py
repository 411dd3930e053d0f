"""Remedies: points granted for a complaint, by another service; loyalty pays once or says why not."""

from __future__ import annotations

from enum import StrEnum

from services.loyalty.domain.facts import RemedyGrant
from services.loyalty.domain.wallets import Wallet


class Refusal(StrEnum):
    """Why a remedy is not paid."""

    UNKNOWN_MEMBER = "unknown_member"
    ERASED_MEMBER = "erased_member"
    ABOVE_LIMIT = "above_limit"
    NO_POINTS = "no_points"


def refusal_of(grant: RemedyGrant, wallet: Wallet | None, points_max: int) -> Refusal | None:
    """Why this grant is refused; None: it is paid. `wallet` None: nobody has heard of the member."""
    if wallet is None:
        return Refusal.UNKNOWN_MEMBER
    if wallet.erased_at is not None:
        return Refusal.ERASED_MEMBER
    if grant.points > points_max:
        return Refusal.ABOVE_LIMIT
    return None if grant.points else Refusal.NO_POINTS
