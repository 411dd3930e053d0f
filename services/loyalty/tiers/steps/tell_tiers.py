"""Tell other services whose tier changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.tiers.domain.standing import TierChange
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import TierChanged


def tell_tiers(
    tx: Tx, programme: Programme, changes: Iterable[TierChange], cause: Cause | None, at: datetime
) -> None:
    """Publish changes of tier.

    Changes before the fact at `at` were caused by time passing, and without a fact (`cause` None) all changes were.
    """
    for change in changes:
        moment = change.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        by_time = Cause(kind="clock", id=f"{change.owner_id}:{moment}")
        tx.publish(
            TierChanged(
                identity_id=change.owner_id,
                customer_id=change.owner_id,
                occurred_at=change.at,
                cause=by_time if cause is None or change.at < at else cause,
                programme=programme.code,
                tier=change.tier,
                previous=change.previous,
                since=change.at,
                valid_until=change.valid_until,
                currency=programme.currency,
                spend_minor=change.spend_minor,
            )
        )
