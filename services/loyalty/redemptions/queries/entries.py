"""The redemptions in the list of a member's ledger."""

from __future__ import annotations

from collections.abc import Iterable

from services.loyalty.ledger.domain.entries import Fact, SealedText
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.redemptions.storage import redemptions
from services.loyalty.redemptions.storage.tables import RedemptionRecord
from shared.db import Read

READERS: frozenset[str] = frozenset({"operator", "customer"})
"""The reference and the order tell the member what the points were spent on."""


async def facts(read: Read, causes: Iterable[PostingCause]) -> list[Fact]:
    """Return those of these facts that are redemptions."""
    row_ids = [cause.id for cause in causes if cause.kind is CauseKind.REDEMPTION]
    return [_fact(record) for record in await redemptions.by_ids(read, row_ids)] if row_ids else []


def _fact(record: RedemptionRecord) -> Fact:
    return Fact(
        cause=PostingCause(CauseKind.REDEMPTION, record.id),
        occurred_at=record.occurred_at,
        booked_at=record.booked_at,
        order_sealed=_sealed(record, "redemption.order", record.order_sealed),
        points=record.points,
        text=_sealed(record, "redemption.reference", record.reference),
    )


def _sealed(record: RedemptionRecord, purpose: str, token: bytes | None) -> SealedText | None:
    return None if token is None else SealedText(record.identity_id, purpose, token, READERS)
