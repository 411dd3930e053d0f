"""The purchases and returns in the list of a member's ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.loyalty.ledger.domain.entries import EntryKey, Fact, OrderKey
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.purchases.storage import purchases
from services.loyalty.purchases.storage.purchases import ReturnOfOrder
from services.loyalty.purchases.storage.tables import PurchaseRecord
from shared.db import Read, Slice


async def silent(
    read: Read,
    wallet_ids: Sequence[int],
    *,
    among: Sequence[PostingCause] | None,
    asked: Slice,
) -> list[EntryKey]:
    """Return a page of the purchases that moved no points, and one of such returns.

    `among`: only these facts; None: all.
    """
    bought = await purchases.silent(read, wallet_ids, among=_rows(among, CauseKind.PURCHASE), asked=asked)
    returned = await purchases.silent_returns(
        read, wallet_ids, among=_rows(among, CauseKind.RETURN), asked=asked
    )
    return [EntryKey(row_id, PostingCause(CauseKind.PURCHASE, row_id)) for row_id in bought] + [
        EntryKey(row_id, PostingCause(CauseKind.RETURN, row_id)) for row_id in returned
    ]


async def facts(read: Read, causes: Iterable[PostingCause]) -> list[Fact]:
    """Return those of these facts that are purchases or returns."""
    wanted = list(causes)
    bought = [cause.id for cause in wanted if cause.kind is CauseKind.PURCHASE]
    returned = [cause.id for cause in wanted if cause.kind is CauseKind.RETURN]
    shown = [_purchase(record) for record in await purchases.by_ids(read, bought)] if bought else []
    if returned:
        shown += [_return(record) for record in await purchases.returns_by_ids(read, returned)]
    return shown


def _rows(among: Sequence[PostingCause] | None, kind: CauseKind) -> list[int] | None:
    return None if among is None else [cause.id for cause in among if cause.kind is kind]


def _purchase(record: PurchaseRecord) -> Fact:
    return Fact(
        cause=PostingCause(CauseKind.PURCHASE, record.id),
        occurred_at=record.occurred_at,
        booked_at=record.booked_at,
        outcome=record.outcome,
        purchase_id=record.purchase_id,
        order=OrderKey(record.issuer, record.source, record.order_id),
        currency=record.currency,
        amount_minor=record.amount_minor,
    )


def _return(record: ReturnOfOrder) -> Fact:
    return Fact(
        cause=PostingCause(CauseKind.RETURN, record.id),
        occurred_at=record.occurred_at,
        booked_at=record.booked_at,
        purchase_id=record.of_purchase,
        return_id=record.return_id,
        order=OrderKey(record.issuer, record.source, record.order_id),
        currency=record.currency,
        amount_minor=record.amount_minor,
    )
