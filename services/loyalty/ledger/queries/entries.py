"""The ledger's part of the list of entries: postings, and the facts that the ledger keeps itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from services.loyalty.ledger.domain.entries import EntryKey, Fact, SealedText, Side
from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.storage import adjustments, holds, ownership, postings
from services.loyalty.ledger.storage.hold_table import HoldRecord
from services.loyalty.ledger.storage.tables import AdjustmentRecord, OwnershipRecord, PostingRecord, posting
from shared.db import Read, Slice, Sorts

ADJUSTMENT_REASON_READERS: frozenset[str] = frozenset({"operator"})
"""An operator writes the reason of an adjustment for other operators: the member must not read a suspicion in it."""

LEDGER_SORTS = Sorts(booked_at=(posting.c.id,))
"""The sorts of a ledger. The ids of one member rise with time, and all facts and postings share their numbers."""


async def moved(
    read: Read,
    wallet_ids: Sequence[int],
    *,
    among: Iterable[PostingCause] | None,
    asked: Slice,
) -> list[EntryKey]:
    """Return a page of the entries with postings on these wallets.

    `among`: only the entries of these causes; None: those of all.
    """
    page = await postings.first_of_causes(read, wallet_ids, among=among, asked=asked)
    return [
        EntryKey(first.posting_id, PostingCause(CauseKind(first.cause_kind), first.cause_id))
        for first in page
    ]


async def sides(read: Read, causes: Sequence[PostingCause], wallet_ids: Sequence[int]) -> list[Side]:
    """Return the postings of these causes on these wallets, in order."""
    if not causes:
        return []
    mine = set(wallet_ids)
    return [_side(record, mine) for record in await postings.of_causes(read, causes, wallet_ids)]


async def facts(read: Read, causes: Iterable[PostingCause]) -> list[Fact]:
    """Return those of these facts that are adjustments, changes of ownership or holds."""
    wanted = list(causes)
    adjusted = [cause.id for cause in wanted if cause.kind is CauseKind.ADJUSTMENT]
    moved = [cause.id for cause in wanted if cause.kind is CauseKind.OWNERSHIP]
    held = [cause.id for cause in wanted if cause.kind is CauseKind.HOLD]
    return [
        *[_adjustment(record) for record in (await adjustments.by_ids(read, adjusted) if adjusted else ())],
        *[_change_of_owner(record) for record in (await ownership.by_ids(read, moved) if moved else ())],
        *[_hold(record) for record in (await holds.by_ids(read, held) if held else ())],
    ]


def _adjustment(record: AdjustmentRecord) -> Fact:
    return Fact(
        cause=PostingCause(CauseKind.ADJUSTMENT, record.id),
        occurred_at=record.occurred_at,
        booked_at=record.booked_at,
        points=record.points,
        text=SealedText(record.identity_id, "adjustment.reason", record.reason, ADJUSTMENT_REASON_READERS),
    )


def _change_of_owner(record: OwnershipRecord) -> Fact:
    cause = PostingCause(CauseKind.OWNERSHIP, record.id)
    return Fact(cause=cause, occurred_at=record.occurred_at, booked_at=record.booked_at)


def _hold(record: HoldRecord) -> Fact:
    return Fact(
        cause=PostingCause(CauseKind.HOLD, record.id),
        occurred_at=record.opened_at,
        booked_at=record.booked_at,
        points=record.points,
    )


def _side(record: PostingRecord, mine: Collection[int]) -> Side:
    target = record.wallet_id if record.to_wallet_id is None else record.to_wallet_id
    return Side(
        cause=PostingCause(CauseKind(record.cause_kind), record.cause_id),
        from_account=Account(record.from_account),
        to_account=Account(record.to_account),
        lot_id=record.lot_id,
        to_lot_id=record.to_lot_id,
        points=record.points,
        occurred_at=record.occurred_at,
        booked_at=record.booked_at,
        is_from_here=record.wallet_id in mine,
        is_to_here=target in mine,
    )
