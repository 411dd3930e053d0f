"""Commit a hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.loyalty.checkout.domain import paying
from services.loyalty.checkout.domain.paying import KeptLine, Tender
from services.loyalty.checkout.domain.states import refuse_ended
from services.loyalty.checkout.queries.find_hold import admit, find_hold
from services.loyalty.checkout.refusals import (
    HoldExpired,
    LinesNotHeld,
    NothingToCommit,
    OrderHasPoints,
    PointsNotHeld,
)
from services.loyalty.checkout.steps.open_hold import OpenedHold, open_hold
from services.loyalty.checkout.storage import carts
from services.loyalty.checkout.storage.tables import CheckoutRecord, HeldCartRecord
from services.loyalty.coupons.queries.codes_of_holds import codes_of_holds
from services.loyalty.coupons.steps.claiming import commit_codes
from services.loyalty.ledger.domain import holding
from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Hold
from services.loyalty.ledger.steps.booking import close_booking
from services.loyalty.ledger.steps.holds import HoldRecord
from services.loyalty.ledger.steps.note_balance import note_balance
from services.loyalty.purchases.queries import orders
from services.loyalty.redemptions.queries.order_tokens import token_of
from services.loyalty.redemptions.queries.redemption_ids import id_of_redemption
from services.loyalty.redemptions.refusals import OrderReturned
from services.loyalty.redemptions.steps import recording
from services.loyalty.redemptions.steps.recording import Spent
from services.loyalty.settings import Settings
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Tx, locks


@dataclass(frozen=True, slots=True)
class CommitAsked:
    """A hold that shall be spent on an order.

    `kept`: the lines and units that the order has; None: all that are held. `points`: None: what is held for these lines.
    """

    caller: Principal
    row_id: int | None
    source: str
    order_id: str
    kept: tuple[KeptLine, ...] | None = None
    points: int | None = None


async def commit_hold(tx: Tx, context: Context[Settings], asked: CommitAsked) -> None:
    """Spend the points and the codes of a hold on an order, and give those points back that the order does not need. The same commit again does nothing.

    What was promised when the points were held is kept: prices, tier and rules are not looked at again. Raises UnknownHold, a refusal for
    each way in which a hold ends, and one for everything that does not fit the hold or the order.
    """
    record = await admit(tx, asked.caller, asked.row_id)
    order = OrderKey(record.issuer, asked.source, asked.order_id)
    token = token_of(context.vault, order)
    await locks.payments(tx, token.hex(), exclusive=True)
    opened = await open_hold(tx, record, rows=1)
    cart = (await carts.of_holds(tx, [record.id]))[record.id]
    kept = _kept(cart, asked)
    commit = _Commit(order, token, kept, await _points(tx, record, cart, kept, asked.points))
    before = opened.member.balance()
    if opened.hold is not None:
        await _check_order(tx, opened, commit)
        await _commit(context, opened, opened.hold, cart, commit)
    else:
        ended = await find_hold(tx, asked.caller, asked.row_id)
        if not commit.is_done_by(ended.checkout):
            refuse_ended(ended.state_at(opened.booking.journal.now))
    note_balance(tx, opened.wallet, before, opened.member.balance())


@dataclass(frozen=True, slots=True)
class _Commit:
    order: OrderKey
    token: bytes
    kept: tuple[KeptLine, ...]
    points: int

    def is_done_by(self, done: CheckoutRecord | None) -> bool:
        """Return whether a hold was committed just so before."""
        return done is not None and (done.order_token, done.kept, done.points) == (
            self.token,
            self.kept,
            self.points,
        )


def _kept(cart: HeldCartRecord, asked: CommitAsked) -> tuple[KeptLine, ...]:
    """Return the units that the order has. Raises LinesNotHeld."""
    if asked.kept is None:
        return tuple(KeptLine(number, line.quantity) for number, line in enumerate(cart.lines, 1))
    quantity_of = {number: line.quantity for number, line in enumerate(cart.lines, 1)}
    for line in asked.kept:
        # A line that is named twice is gone the second time.
        if line.quantity > quantity_of.pop(line.line, 0):
            raise LinesNotHeld(line=line.line)
    return asked.kept


async def _points(
    tx: Tx, record: HoldRecord, cart: HeldCartRecord, kept: Sequence[KeptLine], asked: int | None
) -> int:
    """Return the points that shall be spent: none, if the hold has codes. Raises PointsNotHeld and NothingToCommit."""
    most = paying.points_kept(record.points, cart.net_lines, kept)
    points = most if asked is None else asked
    if points > most:
        raise PointsNotHeld(most=most)
    if points == 0 and not await codes_of_holds(tx, [record.id]):
        raise NothingToCommit
    return points


async def _check_order(tx: Tx, opened: OpenedHold, commit: _Commit) -> None:
    """Refuse an order that a hold or points of the member paid before, or one of the member's of which units have gone back.

    A redemption by another member is not looked at: anybody could stand in the way of an order by paying one point for it.
    """
    wallet_ids = [wallet.id for wallet in opened.member.wallets]
    if await orders.has_returns(tx, commit.order, wallet_ids):
        raise OrderReturned
    is_paid = await recording.first_of_order(tx, commit.token, wallet_ids) is not None
    if is_paid or await carts.is_paid(tx, commit.token):
        raise OrderHasPoints


async def _commit(
    context: Context[Settings], opened: OpenedHold, hold: Hold, cart: HeldCartRecord, commit: _Commit
) -> None:
    booking, member, numbers = opened.booking, opened.member, context.vault.numbers
    held = Tender(hold.points, cart.worth_minor)
    posted = PostingCause(CauseKind.REDEMPTION, booking.journal.next_id())
    holding.commit_hold(booking.journal, member, hold, posted, commit.points)
    key = context.vault.digest("hold.commit", str(hold.id).encode())
    lines = paying.lines_kept(cart.net_lines, commit.kept)
    spent = Spent(key, commit.points, None, commit.order, commit.token, lines)
    if commit.points:
        await recording.record(booking, context, hold.wallet, posted, spent)
    worth = paying.worth_kept(held, commit.points)
    done = CheckoutRecord(posted.id, hold.id, commit.token, commit.points, worth, commit.kept)
    await carts.commit(booking.tx, done)
    await close_booking(booking)
    if await commit_codes(booking.tx, hold.id, commit.token, booking.journal.now) is None:
        raise HoldExpired
    recording.tell(booking, numbers, posted, id_of_redemption(numbers, posted.id))
