"""Earn points for purchases."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.earning.domain import earning
from services.loyalty.earning.domain.budgets import Quotas
from services.loyalty.earning.domain.earning import Decision
from services.loyalty.earning.domain.levels import Counters
from services.loyalty.earning.domain.progress import Progress
from services.loyalty.earning.steps import budgets, counters, goals, granting
from services.loyalty.earning.steps.goals import CompletionRecord
from services.loyalty.earning.steps.rulebooks import compiled_rulebooks, current_rulebooks, goal_starts
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.programme import current_programme
from services.loyalty.purchases.domain.facts import MemberFacts, Purchase
from services.loyalty.purchases.steps import recording
from services.loyalty.purchases.steps.recording import PurchaseRecord
from services.loyalty.settings import Settings
from services.loyalty.tiers.domain.standing import OrderMoved
from services.loyalty.tiers.queries.tiers_before import Spent, tiers_before
from services.loyalty.tiers.steps.count_spend import Counted, count_spend
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.vault import Numbers


async def earn_points(tx: Tx, context: Context[Settings], purchases: Sequence[Purchase]) -> None:
    """Credit purchases to their members by the rules in force then, once each; erased members earn nothing."""
    locked = await lock_wallets(tx, (purchase.identity_id for purchase in purchases))
    fresh = await recording.new_purchases(tx, locked, purchases)
    if not fresh:
        return
    decisions = await _decide(tx, locked, fresh)
    members = [locked.member(purchase.identity_id) for purchase in fresh]
    levels = await counters.load(tx, locked, decisions)
    progress = Progress(levels)
    await granting.begin_goals(tx, locked, progress, decisions)
    spent = await granting.load_budgets(tx, decisions)
    booking = await open_booking(tx, locked, members, rows=sum(decision.rows for decision in decisions))
    records, counted, completed = list[PurchaseRecord](), list[Counted](), list[CompletionRecord]()
    for decision in decisions:
        cause = Cause(kind="purchase", id=decision.fact.purchase_id)
        records.append(_book(booking, context.vault.numbers, levels, spent.quotas, decision, cause))
        if decision.aims:
            posted = PostingCause(CauseKind.PURCHASE, records[-1].id)
            completed += granting.complete(booking, context.vault.numbers, progress, spent, decision, posted)
        counted.append(_counted(booking, decision.fact, records[-1].id, cause))
    await count_spend(booking, counted)
    await counters.store(tx, levels)
    await goals.store_completions(tx, completed)
    await recording.add(tx, records)
    await close_booking(booking)
    await budgets.move_quotas(tx, spent.quotas)


async def _decide(tx: Tx, locked: Locked, fresh: Sequence[Purchase]) -> list[Decision[Purchase]]:
    """Return what the rules in force at the time of each purchase want to grant for it."""
    programme, rulebooks = await current_programme(tx), await current_rulebooks(tx)
    versions = [rulebooks.at(purchase.occurred_at).version for purchase in fresh]
    books = await compiled_rulebooks(tx, versions)
    starts = await goal_starts(tx)
    tiers: Sequence[str | None] = [None] * len(fresh)
    if any(book.needs_tier for book in books.values()):
        tiers = await tiers_before(tx, programme, locked, [_spent(purchase) for purchase in fresh])
    return [
        earning.decide(
            version,
            books[version],
            purchase,
            MemberFacts(tier) if tier is not None and books[version].needs_tier else None,
            programme.zone_info,
            starts,
            programme.at(purchase.occurred_at).expiry,
        )
        for purchase, version, tier in zip(fresh, versions, tiers, strict=True)
    ]


def _spent(purchase: Purchase) -> Spent:
    return Spent(purchase.identity_id, purchase.currency, purchase.occurred_at, purchase.amount_minor)


def _book(
    booking: Booking,
    numbers: Numbers,
    levels: Counters,
    quotas: Quotas,
    decision: Decision[Purchase],
    cause: Cause,
) -> PurchaseRecord:
    """Book what one purchase earns, tell it, and return the row of the purchase."""
    purchase, wallet = decision.fact, booking.locked.wallets[decision.fact.identity_id]
    posted = PostingCause(CauseKind.PURCHASE, booking.journal.next_id())
    outcome = granting.credit(booking, numbers, levels, quotas, decision, posted, cause)
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
        outcome=outcome.value,
        channel=purchase.channel,
        store=purchase.store,
        rulebook=decision.rulebook,
        context=decision.member,
    )


def _counted(booking: Booking, purchase: Purchase, row_id: int, cause: Cause) -> Counted:
    return Counted(
        wallet=booking.locked.wallets[purchase.identity_id],
        currency=purchase.currency,
        spent_at=purchase.occurred_at,
        amount_minor=purchase.amount_minor,
        at=purchase.occurred_at,
        cause=cause,
        order=OrderMoved(row_id, closes=False),
    )
