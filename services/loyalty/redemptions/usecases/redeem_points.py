"""Redeem points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.loyalty.ledger.domain import burning
from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Member, Points
from services.loyalty.ledger.refusals import KeyUsedBefore, UnknownMember
from services.loyalty.ledger.steps import lots
from services.loyalty.ledger.steps.booking import close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.note_balance import note_balance
from services.loyalty.purchases.domain.facts import Line
from services.loyalty.purchases.queries import orders
from services.loyalty.redemptions.queries.order_tokens import token_of
from services.loyalty.redemptions.queries.redemption_ids import id_of_redemption
from services.loyalty.redemptions.refusals import OrderPaidBefore, OrderReturned, PaidOrderTooLarge
from services.loyalty.redemptions.steps import recording
from services.loyalty.redemptions.steps.limits import check_limits
from services.loyalty.redemptions.steps.recording import Spent
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx, locks
from shared.errors import FieldError
from shared.limits import ORDER_AMOUNT_MAX

_LINES_TOO_LARGE = FieldError(
    "/order/lines", PaidOrderTooLarge.code, PaidOrderTooLarge.en, PaidOrderTooLarge.zh
)


@dataclass(frozen=True, slots=True)
class RedemptionAsked:
    """Points to be spent. With `lines` of an order, returns of that order give them back."""

    customer_id: str
    key: bytes
    points: int
    reference: str | None
    order: OrderKey | None
    lines: tuple[Line, ...]
    adds: bool = False
    """Whether the order was paid with points before, and these add to them."""
    judges_all: bool = False
    """Whether the points of other members have paid the order too. A customer is told nothing about those, nor stopped by them."""


@dataclass(frozen=True, slots=True)
class RedemptionDone:
    """The redemption that was booked, and the points afterwards."""

    row_id: int
    customer_id: str
    occurred_at: datetime
    points: Points


async def redeem_points(tx: Tx, context: Context[Settings], asked: RedemptionAsked) -> RedemptionDone:
    """Take points from the member's lots, those that expire first going first, or refuse; it happens now.

    A return of the order locks the same wallets: it comes after this and gives the points back, or came before.
    """
    token = None if asked.order is None else token_of(context.vault, asked.order)
    if token is not None:
        await locks.payments(tx, token.hex(), exclusive=asked.judges_all and not asked.adds)
    locked = await lock_wallets(tx, [asked.customer_id], create=False)
    wallet = locked.living(asked.customer_id)
    if wallet is None:
        raise UnknownMember
    if await recording.exists(tx, asked.key):
        raise KeyUsedBefore
    member = locked.member(asked.customer_id)
    await _check_order(tx, context, member, asked)
    booking = await open_booking(tx, locked, [member], rows=1)
    before = member.balance()
    journal = booking.journal
    check_limits(booking.programme.at(journal.now), asked.points)
    await lots.load_spendable(tx, locked, member, asked.points)
    posted = PostingCause(CauseKind.REDEMPTION, journal.next_id())
    burning.burn(journal, member, posted, asked.points, Account.REDEEMED, journal.now)
    journal.touch(wallet)
    spent = Spent(asked.key, asked.points, asked.reference, asked.order, token, asked.lines)
    await recording.record(booking, context, wallet, posted, spent)
    await close_booking(booking)
    numbers = context.vault.numbers
    recording.tell(booking, numbers, posted, id_of_redemption(numbers, posted.id))
    note_balance(tx, wallet, before, member.balance())
    return RedemptionDone(posted.id, wallet.owner_id, journal.now, member.balance())


async def _check_order(tx: Tx, context: Context[Settings], member: Member, asked: RedemptionAsked) -> None:
    """Refuse to pay an order twice, or one of the member's own whose units have gone back: they go back no more.

    The order's payments and the member's wallets are locked, so of two requests for one order the second one sees the
    first.
    """
    if asked.order is None:
        return
    if sum(line.amount_minor for line in asked.lines) > ORDER_AMOUNT_MAX:
        raise PaidOrderTooLarge(errors=(_LINES_TOO_LARGE,))
    wallet_ids = [wallet.id for wallet in member.wallets]
    if asked.lines and await orders.has_returns(tx, asked.order, wallet_ids):
        raise OrderReturned
    token = token_of(context.vault, asked.order)
    judged = None if asked.judges_all else wallet_ids
    first = None if asked.adds else await recording.first_of_order(tx, token, judged)
    if first is not None:
        raise OrderPaidBefore(
            redemption=id_of_redemption(context.vault.numbers, first.id),
            customer=first.customer_id,
            points=first.points,
        )
