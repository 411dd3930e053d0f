"""Earn points for purchases."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.earning.domain import earning
from services.loyalty.earning.domain.earning import Decision
from services.loyalty.earning.steps.rulebooks import current_rulebooks
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.programme import current_programme
from services.loyalty.ledger.steps.tell_points import MovedPoints, tell_points
from services.loyalty.purchases.domain.facts import Purchase
from services.loyalty.purchases.steps import recording
from services.loyalty.purchases.steps.recording import PurchaseRecord
from services.loyalty.tiers.steps.count_spend import Counted, count_spend
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsEarned


async def earn_points(tx: Tx, purchases: Sequence[Purchase]) -> None:
    """Credit purchases to their members by the rules in force then, once each; erased members earn nothing."""
    locked = await lock_wallets(tx, (purchase.identity_id for purchase in purchases))
    fresh = await recording.new_purchases(tx, locked, purchases)
    if not fresh:
        return
    zone, rulebooks = (await current_programme(tx)).zone_info, await current_rulebooks(tx)
    decisions = [earning.decide(rulebooks, purchase, zone) for purchase in fresh]
    members = [locked.member(purchase.identity_id) for purchase in fresh]
    booking = await open_booking(tx, locked, members, rows=sum(decision.rows for decision in decisions))
    records, counted = [], []
    for decision in decisions:
        cause = Cause(kind="purchase", id=decision.purchase.purchase_id)
        records.append(_book(booking, decision, cause))
        counted.append(_counted(booking, decision.purchase, cause))
    await count_spend(booking, counted)
    await recording.add(tx, records)
    await close_booking(booking)


def _book(booking: Booking, decision: Decision, cause: Cause) -> PurchaseRecord:
    """Book what one purchase earns, tell it, and return the row of the purchase."""
    purchase, journal = decision.purchase, booking.journal
    wallet, member = booking.locked.wallets[purchase.identity_id], booking.locked.member(purchase.identity_id)
    posted = PostingCause(CauseKind.PURCHASE, journal.next_id())
    earning.earn(journal, member, wallet, decision, posted)
    journal.touch(wallet)
    if decision.points:
        moved = MovedPoints(wallet, decision.points, cause, posted, purchase.occurred_at)
        tell_points(booking.tx, booking.programme, PointsEarned, moved)
    return PurchaseRecord(
        id=posted.id,
        purchase_id=purchase.purchase_id,
        wallet_id=wallet.id,
        identity_id=purchase.identity_id,
        customer_id=purchase.customer_id,
        source=purchase.source,
        order_id=purchase.order_id,
        issuer=purchase.issuer,
        occurred_at=purchase.occurred_at,
        booked_at=wallet.last_booked_at,
        currency=purchase.currency,
        amount_minor=purchase.amount_minor,
        lines=purchase.lines,
        outcome=decision.outcome.value,
    )


def _counted(booking: Booking, purchase: Purchase, cause: Cause) -> Counted:
    return Counted(
        wallet=booking.locked.wallets[purchase.identity_id],
        currency=purchase.currency,
        spent_at=purchase.occurred_at,
        amount_minor=purchase.amount_minor,
        at=purchase.occurred_at,
        cause=cause,
    )
