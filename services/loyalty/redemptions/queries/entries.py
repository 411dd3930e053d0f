"""The redemptions in the list of a member's ledger."""

from __future__ import annotations

from collections.abc import Iterable

from services.loyalty.ledger.domain.entries import Fact, OrderKey, SealedText
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.redemptions.storage import redemptions
from services.loyalty.redemptions.storage.tables import RedemptionRecord
from shared.db import Read

REFERENCE_READERS: frozenset[str] = frozenset({"operator", "customer"})
"""The reference tells the member what the points were spent on."""


async def facts(read: Read, causes: Iterable[PostingCause]) -> list[Fact]:
    """Return those of these facts that are redemptions."""
    row_ids = [cause.id for cause in causes if cause.kind is CauseKind.REDEMPTION]
    return [_fact(record) for record in await redemptions.by_ids(read, row_ids)] if row_ids else []


def _fact(record: RedemptionRecord) -> Fact:
    return Fact(
        cause=PostingCause(CauseKind.REDEMPTION, record.id),
        occurred_at=record.occurred_at,
        booked_at=record.booked_at,
        order=_order(record),
        points=record.points,
        text=None
        if record.reference is None
        else SealedText(record.identity_id, "redemption.reference", record.reference, REFERENCE_READERS),
    )


def _order(record: RedemptionRecord) -> OrderKey | None:
    if record.source is None or record.order_id is None:
        return None
    return OrderKey(record.issuer, record.source, record.order_id)
