"""Adjust points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.loyalty.ledger.domain import burning, granting
from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Points
from services.loyalty.ledger.queries.row_ids import id_of_adjustment
from services.loyalty.ledger.refusals import KeyUsedBefore, TooManyPoints, UnknownMember
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.note_balance import note_balance
from services.loyalty.ledger.steps.tell_points import MovedPoints, tell_points
from services.loyalty.ledger.storage import adjustments, lots
from services.loyalty.ledger.storage.tables import AdjustmentRecord
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsEarned, PointsReversed
from shared.limits import MEMBER_POINTS_MAX
from shared.vault import Numbers


@dataclass(frozen=True, slots=True)
class AdjustmentAsked:
    """A correction by hand: signed points, the reason, the operator, and the one who approved it, if one had to."""

    customer_id: str
    key: bytes
    points: int
    reason: str
    actor: str
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class AdjustmentDone:
    """The adjustment that was booked, and the points afterwards."""

    row_id: int
    customer_id: str
    occurred_at: datetime
    points: Points


async def adjust_points(tx: Tx, context: Context[Settings], asked: AdjustmentAsked) -> AdjustmentDone:
    """Correct a member's points up or down, never below zero; it happens now."""
    locked = await lock_wallets(tx, [asked.customer_id], create=False)
    wallet = locked.living(asked.customer_id)
    if wallet is None:
        raise UnknownMember
    if await adjustments.exists(tx, asked.key):
        raise KeyUsedBefore
    member = locked.member(asked.customer_id)
    booking = await open_booking(tx, locked, [member], rows=2)
    before = member.balance()
    journal = booking.journal
    posted = PostingCause(CauseKind.ADJUSTMENT, journal.next_id())
    if asked.points > 0:
        balance = member.balance()
        if balance.active + balance.pending + balance.held + asked.points > MEMBER_POINTS_MAX:
            raise TooManyPoints
        granting.grant_points(journal, member, wallet, posted, asked.points, "adjustment", journal.now)
    else:
        await lots.load_spendable(tx, locked, member, -asked.points)
        burning.burn(journal, member, posted, -asked.points, Account.ADJUSTED, journal.now)
    journal.touch(wallet)
    keys = await context.vault.new_subject(tx, [wallet.identity_id])
    await adjustments.add(
        tx,
        AdjustmentRecord(
            id=posted.id,
            key=asked.key,
            wallet_id=wallet.id,
            identity_id=wallet.identity_id,
            customer_id=wallet.owner_id,
            points=asked.points,
            reason=keys.seal(wallet.identity_id, "adjustment.reason", asked.reason),
            actor=asked.actor,
            approved_by=asked.approved_by,
            occurred_at=journal.now,
            booked_at=wallet.last_booked_at,
        ),
    )
    await close_booking(booking)
    _tell(booking, context.vault.numbers, posted, {wallet.id: asked.points})
    note_balance(tx, wallet, before, member.balance())
    return AdjustmentDone(posted.id, wallet.owner_id, journal.now, member.balance())


def _tell(booking: Booking, numbers: Numbers, posted: PostingCause, added: dict[int, int]) -> None:
    """Publish the points that an adjustment took from each wallet, or those that it added."""
    taken = booking.journal.points_by_wallet(posted, Account.ADJUSTED)
    event = PointsReversed if taken else PointsEarned
    cause = Cause(kind="adjustment", id=id_of_adjustment(numbers, posted.id))
    for wallet_id, points in (taken or added).items():
        wallet = booking.locked.by_id[wallet_id]
        moved = MovedPoints(wallet, points, cause, posted, booking.journal.now)
        tell_points(booking.tx, numbers, booking.programme, event, moved)
