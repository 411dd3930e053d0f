"""Earn points for purchases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from services.loyalty.earning.domain import earning
from services.loyalty.earning.domain.budgets import BudgetKey, Quotas, key_of
from services.loyalty.earning.domain.earning import Decision, Outcome, Served
from services.loyalty.earning.domain.levels import Counters
from services.loyalty.earning.domain.progress import Progress
from services.loyalty.earning.steps import budgets, counters, goals
from services.loyalty.earning.steps.goals import CompletionRecord
from services.loyalty.earning.steps.rulebooks import compiled_rulebooks, current_rulebooks, goal_starts
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.programme import current_programme
from services.loyalty.ledger.steps.tell_points import MovedPoints, tell_points
from services.loyalty.purchases.domain.facts import MemberFacts, Purchase
from services.loyalty.purchases.steps import recording
from services.loyalty.purchases.steps.recording import PurchaseRecord
from services.loyalty.settings import Settings
from services.loyalty.tiers.queries.tiers_before import Spent, tiers_before
from services.loyalty.tiers.steps.count_spend import Counted, count_spend
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsEarned
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
    await _begin_goals(tx, locked, progress, decisions)
    spent = await _budgets(tx, decisions)
    booking = await open_booking(tx, locked, members, rows=sum(decision.rows for decision in decisions))
    records, counted, completed = list[PurchaseRecord](), list[Counted](), list[CompletionRecord]()
    for decision in decisions:
        cause = Cause(kind="purchase", id=decision.purchase.purchase_id)
        records.append(_book(booking, context.vault.numbers, levels, spent.quotas, decision, cause))
        if decision.aims:
            completed += _complete(booking, context.vault.numbers, progress, spent, decision, records[-1])
        counted.append(_counted(booking, decision.purchase, cause))
    await count_spend(booking, counted)
    await counters.store(tx, levels)
    await goals.store_completions(tx, completed)
    await recording.add(tx, records)
    await close_booking(booking)
    await budgets.move_quotas(tx, spent.quotas)


async def _decide(tx: Tx, locked: Locked, fresh: Sequence[Purchase]) -> list[Decision]:
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


async def _begin_goals(tx: Tx, locked: Locked, progress: Progress, decisions: Sequence[Decision]) -> None:
    aims = [
        (aim, locked.wallets[decision.purchase.identity_id])
        for decision in decisions
        for aim in decision.aims
    ]
    if aims:
        zone = (await current_programme(tx)).zone_info
        await goals.begin(tx, locked, progress, aims, await goal_starts(tx), zone)


@dataclass(frozen=True, slots=True)
class _Spent:
    """The budgets that a batch takes points of, and the budget of each goal that names one, by goal and day."""

    quotas: Quotas
    of_goal: dict[tuple[str, date], BudgetKey]


async def _budgets(tx: Tx, decisions: Sequence[Decision]) -> _Spent:
    """Return the budgets that the rules and goals of these purchases name."""
    books = await compiled_rulebooks(tx, {decision.rulebook for decision in decisions})
    if not any(book.budgets for book in books.values()):
        return _Spent(Quotas(), {})
    zone = (await current_programme(tx)).zone_info
    wanted: list[tuple[BudgetKey, int]] = []
    ceilings: dict[BudgetKey, int] = {}
    of_goal: dict[tuple[str, date], BudgetKey] = {}
    for decision in decisions:
        book = books[decision.rulebook]
        wanted += [
            (claim.budget, claim.grant.points) for claim in decision.claims if claim.budget is not None
        ]
        for aim in decision.aims:
            goal = aim.term.goal
            if goal.budget is not None and not aim.is_past:
                key = key_of(book.budgets[goal.budget], decision.purchase.occurred_at, zone)
                wanted.append((key, (aim.counted // goal.target + 1) * goal.points))
                of_goal[goal.code, aim.day] = key
        ceilings |= {key: book.budgets[key.code].ceiling for key, _ in wanted if key not in ceilings}
    return _Spent(await budgets.load_quotas(tx, wanted, ceilings), of_goal)


def _complete(
    booking: Booking,
    numbers: Numbers,
    progress: Progress,
    spent: _Spent,
    decision: Decision,
    bought: PurchaseRecord,
) -> Iterator[CompletionRecord]:
    """Count a purchase for its goals, and book the completions that it brings."""
    member = booking.locked.member(bought.identity_id)
    wallets = [owned.id for owned in member.wallets]
    fact = PostingCause(CauseKind.PURCHASE, bought.id)
    for aim in decision.aims:
        if progress.begun(aim, bought.wallet_id):
            progress.count(aim, bought.wallet_id, aim.counted)
            reached = progress.grant(aim.term, aim.rulebook, bought.wallet_id, wallets)
            if reached is not None:
                budget = spent.of_goal.get((reached.goal.code, aim.day))
                at = bought.occurred_at
                yield goals.complete(booking, numbers, reached, fact, at, spent.quotas, budget)


def _spent(purchase: Purchase) -> Spent:
    return Spent(purchase.identity_id, purchase.currency, purchase.occurred_at, purchase.amount_minor)


def _book(
    booking: Booking,
    numbers: Numbers,
    levels: Counters,
    quotas: Quotas,
    decision: Decision,
    cause: Cause,
) -> PurchaseRecord:
    """Book what one purchase earns, tell it, and return the row of the purchase."""
    purchase, journal = decision.purchase, booking.journal
    wallet, member = booking.locked.wallets[purchase.identity_id], booking.locked.member(purchase.identity_id)
    posted = PostingCause(CauseKind.PURCHASE, journal.next_id())
    wallets = [owned.id for owned in member.wallets]
    served = earning.serve(decision.claims, levels, wallet.id, wallets, quotas)
    earning.earn(journal, member, wallet, decision, served, posted)
    journal.touch(wallet)
    points = sum([part.issued for part in served])
    if points:
        moved = MovedPoints(wallet, points, cause, posted, purchase.occurred_at)
        tell_points(booking.tx, numbers, booking.programme, PointsEarned, moved)
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
        outcome=_outcome(decision, served, points).value,
        channel=purchase.channel,
        store=purchase.store,
        rulebook=decision.rulebook,
        context=decision.member,
    )


def _outcome(decision: Decision, served: Sequence[Served], points: int) -> Outcome:
    if points or not decision.claims:
        return decision.outcome
    return Outcome.CAP_REACHED if served else Outcome.BUDGET_EXHAUSTED


def _counted(booking: Booking, purchase: Purchase, cause: Cause) -> Counted:
    return Counted(
        wallet=booking.locked.wallets[purchase.identity_id],
        currency=purchase.currency,
        spent_at=purchase.occurred_at,
        amount_minor=purchase.amount_minor,
        at=purchase.occurred_at,
        cause=cause,
    )
