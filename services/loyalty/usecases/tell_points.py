"""Tell that points of a wallet moved."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.domain.postings import Cause as Booked
from services.loyalty.domain.programme import Programme
from services.loyalty.domain.wallets import Wallet
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsEarned, PointsRedeemed, PointsReversed


def tell_points(
    tx: Tx,
    event: type[PointsEarned | PointsRedeemed | PointsReversed],
    programme: Programme,
    wallet: Wallet,
    points: int,
    *,
    cause: Cause,
    booked: Booked,
    at: datetime,
) -> None:
    """Publish that `points` of a wallet were earned, redeemed or reversed; `booked` is the cause in the ledger."""
    tx.publish(
        event(
            identity_id=wallet.identity_id,
            customer_id=wallet.owner_id,
            occurred_at=at,
            cause=cause,
            programme=programme.code,
            points=points,
            transaction_id=booked.transaction_id(),
        )
    )
