"""Give points to another member."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.loyalty.ledger.domain import giving
from services.loyalty.ledger.domain.calendar import CalendarPeriod, period_start
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Member, Points, Wallet
from services.loyalty.ledger.refusals import KeyUsedBefore, TooManyPoints, UnknownMember
from services.loyalty.ledger.steps import lots
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking, reserve
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.note_balance import note_balance
from services.loyalty.ledger.steps.tell_points import MovedPoints, tell_points
from services.loyalty.settings import Settings
from services.loyalty.transfers.queries.transfer_ids import id_of_transfer
from services.loyalty.transfers.refusals import (
    TransferLimitReached,
    TransfersNotAllowed,
    TransferTooLarge,
    TransferTooSmall,
    TransferToSelf,
    UnknownReceiver,
)
from services.loyalty.transfers.storage import transfers
from services.loyalty.transfers.storage.tables import TransferRecord
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsGiven, PointsReceived
from shared.limits import MEMBER_POINTS_MAX
from shared.local_time import day_start, local_day
from shared.vault import Numbers


@dataclass(frozen=True, slots=True)
class TransferAsked:
    """Points that one identity's member gives to another one's."""

    customer_id: str
    to_customer_id: str
    key: bytes
    points: int


@dataclass(frozen=True, slots=True)
class TransferDone:
    """The transfer that was booked, and the sender's points afterwards."""

    row_id: int
    customer_id: str
    occurred_at: datetime
    points: Points


async def give_points(tx: Tx, context: Context[Settings], asked: TransferAsked) -> TransferDone:
    """Move points from the sender's lots to the receiver, those that expire first going first, or refuse; it happens now.

    All wallets of both members are locked by one statement in the order of their ids, so two members can give to each other at once.
    """
    locked = await lock_wallets(tx, [asked.customer_id, asked.to_customer_id], create=False)
    wallet, target = locked.living(asked.customer_id), locked.living(asked.to_customer_id)
    if wallet is None:
        raise UnknownMember
    if target is None:
        raise UnknownReceiver
    if wallet.owner_id == target.owner_id:
        raise TransferToSelf
    if await transfers.exists(tx, asked.key):
        raise KeyUsedBefore
    sender, receiver = locked.member(asked.customer_id), locked.member(asked.to_customer_id)
    booking = await open_booking(tx, locked, [sender, receiver], rows=1)
    before, journal = sender.balance(), booking.journal
    await _check_limits(booking, sender, asked.points)
    gained = receiver.balance()
    if gained.active + gained.pending + gained.held + asked.points > MEMBER_POINTS_MAX:
        raise TooManyPoints
    await lots.load_spendable(tx, locked, sender, asked.points)
    await reserve(booking, rows=1 + len(sender.spendable()))
    posted = PostingCause(CauseKind.TRANSFER, journal.next_id())
    giving.give(journal, sender, receiver, target, posted, asked.points)
    await transfers.add(tx, _record(booking, asked, posted, wallet, target))
    await close_booking(booking)
    _tell(booking, context.vault.numbers, posted, target)
    note_balance(tx, wallet, before, sender.balance())
    return TransferDone(posted.id, wallet.owner_id, journal.now, sender.balance())


async def _check_limits(booking: Booking, sender: Member, points: int) -> None:
    """Refuse points that are not within the limits of the programme in force now. The sender's wallets are locked."""
    limits, now = booking.programme.at(booking.journal.now).transfers, booking.journal.now
    if limits is None:
        raise TransfersNotAllowed
    if limits.points_min is not None and points < limits.points_min:
        raise TransferTooSmall(fewest=limits.points_min)
    if limits.points_max is not None and points > limits.points_max:
        raise TransferTooLarge(most=limits.points_max)
    zone = booking.programme.zone_info
    today = local_day(now, zone)
    for most, first in (
        (limits.day_points_max, today),
        (limits.month_points_max, period_start(today, CalendarPeriod.MONTH)),
    ):
        if most is None:
            continue
        wallet_ids = [wallet.id for wallet in sender.wallets]
        given = await transfers.given_since(booking.tx, wallet_ids, day_start(first, zone))
        if given + points > most:
            raise TransferLimitReached(most=most, left=most - given if given < most else 0)


def _record(
    booking: Booking, asked: TransferAsked, posted: PostingCause, wallet: Wallet, target: Wallet
) -> TransferRecord:
    return TransferRecord(
        id=posted.id,
        key=asked.key,
        wallet_id=wallet.id,
        identity_id=wallet.identity_id,
        customer_id=wallet.owner_id,
        to_wallet_id=target.id,
        to_identity_id=target.identity_id,
        to_customer_id=target.owner_id,
        points=asked.points,
        occurred_at=booking.journal.now,
        booked_at=target.last_booked_at,
    )


def _tell(booking: Booking, numbers: Numbers, posted: PostingCause, target: Wallet) -> None:
    """Publish the points that left each wallet of the sender, and those that came to the receiver's wallet."""
    cause, journal = Cause(kind="transfer", id=id_of_transfer(numbers, posted.id)), booking.journal
    given = giving.given_by_wallet(journal, posted)
    for wallet_id, points in given.items():
        moved = MovedPoints(booking.locked.by_id[wallet_id], points, cause, posted, journal.now)
        tell_points(booking.tx, numbers, booking.programme, PointsGiven, moved)
    came = MovedPoints(target, sum(given.values()), cause, posted, journal.now)
    tell_points(booking.tx, numbers, booking.programme, PointsReceived, came)
