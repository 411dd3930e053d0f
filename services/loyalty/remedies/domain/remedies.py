"""Remedies: points that another service granted for a complaint; loyalty credits them once, or says why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.loyalty.ledger.domain.wallets import Wallet


@dataclass(frozen=True, slots=True)
class RemedyGrant:
    """An operator promised points for a complaint."""

    remedy_id: str
    complaint_id: str
    identity_id: str
    customer_id: str
    points: int
    occurred_at: datetime


class Refusal(StrEnum):
    """The reasons why a remedy is not credited."""

    UNKNOWN_MEMBER = "unknown_member"
    ERASED_MEMBER = "erased_member"
    ABOVE_LIMIT = "above_limit"
    NO_POINTS = "no_points"


def refusal_of(grant: RemedyGrant, wallet: Wallet | None, points_max: int) -> Refusal | None:
    """Return why this grant is refused; None: it is credited. `wallet` is None where the member is unknown."""
    if wallet is None:
        return Refusal.UNKNOWN_MEMBER
    if wallet.erased_at is not None:
        return Refusal.ERASED_MEMBER
    if grant.points > points_max:
        return Refusal.ABOVE_LIMIT
    return None if grant.points else Refusal.NO_POINTS
