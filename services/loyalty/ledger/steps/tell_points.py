"""Tell other services that points of a wallet moved."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.loyalty.ledger.domain.postings import PostingCause
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.domain.wallets import Wallet
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsEarned, PointsGiven, PointsReceived, PointsRedeemed, PointsReversed
from shared.vault import Numbers


class MovedPoints(NamedTuple):
    """Points of a wallet moved at an instant of effective time.

    `cause` is the fact in the words of the contract, `posted` the same fact as the ledger's postings name it.
    """

    wallet: Wallet
    points: int
    cause: Cause
    posted: PostingCause
    at: datetime


def tell_points(
    tx: Tx,
    numbers: Numbers,
    programme: Programme,
    event: type[PointsEarned | PointsRedeemed | PointsReversed | PointsGiven | PointsReceived],
    moved: MovedPoints,
) -> None:
    """Publish that points of a wallet were earned, redeemed, reversed, given or received."""
    tx.publish(
        event(
            identity_id=moved.wallet.identity_id,
            customer_id=moved.wallet.owner_id,
            occurred_at=moved.at,
            cause=moved.cause,
            programme=programme.code,
            points=moved.points,
            transaction_id=numbers.name(moved.posted.prefix, moved.posted.id),
        )
    )
