"""Hold points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.loyalty.checkout.domain import quoting
from services.loyalty.checkout.queries.find_hold import admit
from services.loyalty.checkout.queries.quote_cart import Quote, quote_cart
from services.loyalty.checkout.refusals import (
    OPEN_HOLDS_MAX,
    HoldCommitted,
    NothingToHold,
    PointsWorthNothing,
    QuoteChanged,
    TooManyHolds,
    UnknownHold,
)
from services.loyalty.checkout.storage import carts
from services.loyalty.checkout.storage.tables import HeldCartRecord
from services.loyalty.coupons.queries.accept_codes import CodesAsked, accept_codes
from services.loyalty.coupons.queries.refused_codes import refused_codes
from services.loyalty.coupons.steps.claiming import Claiming, claim_codes
from services.loyalty.earning.queries.rules_asked import Asked
from services.loyalty.ledger.domain import holding
from services.loyalty.ledger.domain.wallets import Hold, HoldEnd, Member
from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.ledger.refusals import KeyUsedBefore, UnknownMember
from services.loyalty.ledger.steps import holds, lots
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking
from services.loyalty.ledger.steps.holds import HoldRecord
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.note_balance import note_balance
from services.loyalty.settings import Settings
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class HoldAsked:
    """Points and codes that shall be held for a cart, by whom and for how long.

    `codes`: as they were typed. `quote_hash`: the quote that the caller has seen; None: none. `replaces`: the row id of a hold that this one takes the place of.
    """

    caller: Principal
    key: bytes
    cart: Asked
    points: int
    seconds: int
    shipping_minor: int = 0
    quote_hash: str | None = None
    replaces: int | None = None
    codes: tuple[str, ...] = ()


async def hold_points(tx: Tx, context: Context[Settings], asked: HoldAsked) -> int:
    """Set points of a member and uses of codes aside for a cart, or refuse; return the row id of the hold.

    Points that expire first go first. A code is taken only if it takes effect, and last of all: what members share is locked for a moment only.

    The cart is quoted once more as the member stands now, with what a hold that is replaced gives back.
    """
    locked = await lock_wallets(tx, [asked.cart.identity_id], create=False)
    wallet = locked.living(asked.cart.identity_id)
    if wallet is None:
        raise UnknownMember
    if await carts.exists(tx, asked.key):
        raise KeyUsedBefore
    member = locked.member(asked.cart.identity_id)
    await holds.load_open(tx, locked, [member])
    booking = await open_booking(tx, locked, [member], rows=1)
    before = member.balance()
    await _replace(booking, asked, member)
    if len(member.holds) >= OPEN_HOLDS_MAX:
        raise TooManyHolds
    quote = await _quote(booking, context, asked, member)
    if quote.pays.points:
        await lots.load_spendable(tx, locked, member, quote.pays.points)
    journal = booking.journal
    expires_at = journal.now + timedelta(seconds=asked.seconds)
    hold = holding.hold_points(journal, member, wallet, journal.next_id(), quote.pays.points, expires_at)
    await holds.add(tx, _record_of(hold, asked, journal.now))
    await carts.add(tx, _cart_of(hold, asked, quote))
    await close_booking(booking)
    await _claim_codes(booking, asked, hold, member, quote)
    note_balance(tx, wallet, before, member.balance())
    return hold.id


async def _claim_codes(booking: Booking, asked: HoldAsked, hold: Hold, member: Member, quote: Quote) -> None:
    """Take a use of each code that takes effect, and free those of the hold that this one takes the place of. Raises CodeRefused."""
    wallet_ids = [wallet.id for wallet in member.wallets]
    claiming = Claiming(
        hold.id, hold.wallet.id, wallet_ids, asked.cart.channel, hold.expires_at, asked.replaces
    )
    refused = await claim_codes(booking, claiming, quote.effective_codes)
    if refused:
        raise refused_codes(refused)


async def _replace(booking: Booking, asked: HoldAsked, member: Member) -> None:
    """Cancel the hold that this one takes the place of. One that ended without a redemption gave its points back already."""
    if asked.replaces is None:
        return
    record = await admit(booking.tx, asked.caller, asked.replaces)
    if record.wallet_id not in {wallet.id for wallet in member.wallets}:
        raise UnknownHold
    if record.ended_as == HoldEnd.COMMITTED:
        raise HoldCommitted
    if record.id in member.holds:
        holding.cancel_hold(booking.journal, member, member.holds[record.id])


async def _quote(booking: Booking, context: Context[Settings], asked: HoldAsked, member: Member) -> Quote:
    """Quote the cart now. Raises CodeRefused, QuoteChanged, PointsWorthNothing, NothingToHold, and what `quote_cart` raises."""
    found = FoundMember(member, None, booking.programme, booking.locked)
    accepted = await accept_codes(
        booking.tx,
        context,
        CodesAsked(
            typed=asked.codes,
            wallet_ids=[wallet.id for wallet in member.wallets],
            channel=asked.cart.channel,
            at=booking.journal.now,
            replaces=[] if asked.replaces is None else [asked.replaces],
        ),
    )
    if accepted.refused:
        raise refused_codes(accepted.refused)
    quote = await quote_cart(
        booking.tx, context, found, asked.cart, asked.shipping_minor, asked.points, accepted
    )
    if asked.quote_hash is not None and (differing := quoting.differing(asked.quote_hash, quote.hash)):
        named = ", ".join(part.value for part in differing)
        raise QuoteChanged(parts=named, extra={"differs": differing, "quote_hash": quote.hash})
    if not quote.pays.points and not quote.effective_codes:
        raise PointsWorthNothing if asked.points else NothingToHold
    return quote


def _record_of(hold: Hold, asked: HoldAsked, now: datetime) -> HoldRecord:
    return HoldRecord(
        id=hold.id,
        wallet_id=hold.wallet.id,
        identity_id=hold.wallet.identity_id,
        issuer=asked.caller.issuer,
        points=hold.points,
        opened_at=now,
        booked_at=hold.wallet.last_booked_at,
        expires_at=hold.expires_at,
    )


def _cart_of(hold: Hold, asked: HoldAsked, quote: Quote) -> HeldCartRecord:
    return HeldCartRecord(
        hold_id=hold.id,
        key=asked.key,
        replaces_id=asked.replaces,
        currency=asked.cart.currency,
        amount_minor=asked.cart.amount_minor,
        worth_minor=quote.pays.worth_minor,
        lines=asked.cart.lines,
        quote_hash=quote.hash,
        rulebook=quote.simulation.version,
        shipping_minor=asked.shipping_minor or None,
        discounts=quote.discounted.served.discounts or None,
    )
