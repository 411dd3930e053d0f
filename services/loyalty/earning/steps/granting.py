"""Grant what the rules decided for purchases and activities whose wallets are locked: lots, completions of goals, budgets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from services.loyalty.earning.domain import earning
from services.loyalty.earning.domain.budgets import BudgetKey, Quotas, key_of
from services.loyalty.earning.domain.earning import Decision, F, Outcome
from services.loyalty.earning.domain.levels import Counters
from services.loyalty.earning.domain.progress import Progress
from services.loyalty.earning.steps import budgets, goals
from services.loyalty.earning.steps.goals import CompletionRecord
from services.loyalty.earning.steps.rulebooks import compiled_rulebooks, goal_starts
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.postings import PostingCause
from services.loyalty.ledger.steps.booking import Booking
from services.loyalty.ledger.steps.programme import current_programme
from services.loyalty.ledger.steps.tell_points import MovedPoints, tell_points
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsEarned
from shared.vault import Numbers


@dataclass(frozen=True, slots=True)
class Spent:
    """The budgets that a batch takes points of, and the budget of each goal that names one, by goal and day."""

    quotas: Quotas
    of_goal: dict[tuple[str, date], BudgetKey]


async def load_budgets(tx: Tx, decisions: Sequence[Decision[F]]) -> Spent:
    """Return the budgets that the rules and goals of these facts name."""
    books = await compiled_rulebooks(tx, {decision.rulebook for decision in decisions})
    if not any(book.budgets for book in books.values()):
        return Spent(Quotas(), {})
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
                key = key_of(book.budgets[goal.budget], decision.fact.occurred_at, zone)
                wanted.append((key, (aim.counted // goal.target + 1) * goal.points))
                of_goal[goal.code, aim.day] = key
        ceilings |= {key: book.budgets[key.code].ceiling for key, _ in wanted if key not in ceilings}
    return Spent(await budgets.load_quotas(tx, wanted, ceilings), of_goal)


async def begin_goals(tx: Tx, locked: Locked, progress: Progress, decisions: Sequence[Decision[F]]) -> None:
    """Count what is from before the goals that these facts count for, for the wallets that count for the first time."""
    aims = [
        (aim, locked.wallets[decision.fact.identity_id]) for decision in decisions for aim in decision.aims
    ]
    if aims:
        zone = (await current_programme(tx)).zone_info
        await goals.begin(tx, locked, progress, aims, await goal_starts(tx), zone)


def credit(
    booking: Booking,
    numbers: Numbers,
    levels: Counters,
    quotas: Quotas,
    decision: Decision[F],
    posted: PostingCause,
    cause: Cause,
) -> Outcome:
    """Book and tell what the rules grant for a fact, as far as caps and budgets let it, and return the outcome."""
    fact, journal = decision.fact, booking.journal
    wallet, member = booking.locked.wallets[fact.identity_id], booking.locked.member(fact.identity_id)
    wallets = [owned.id for owned in member.wallets]
    served = earning.serve(decision.claims, levels, wallet.id, wallets, quotas)
    earning.earn(journal, member, wallet, decision, served, posted)
    journal.touch(wallet)
    points = sum([part.issued for part in served])
    if points:
        moved = MovedPoints(wallet, points, cause, posted, fact.occurred_at)
        tell_points(booking.tx, numbers, booking.programme, PointsEarned, moved)
    if points or not decision.claims:
        return decision.outcome
    return Outcome.CAP_REACHED if served else Outcome.BUDGET_EXHAUSTED


def complete(
    booking: Booking,
    numbers: Numbers,
    progress: Progress,
    spent: Spent,
    decision: Decision[F],
    posted: PostingCause,
) -> Iterator[CompletionRecord]:
    """Count a fact for its goals, and book the completions that it brings."""
    member = booking.locked.member(decision.fact.identity_id)
    wallet_id = booking.locked.wallets[decision.fact.identity_id].id
    wallets = [owned.id for owned in member.wallets]
    for aim in decision.aims:
        if progress.begun(aim, wallet_id):
            progress.count(aim, wallet_id, aim.counted)
            reached = progress.grant(aim.term, aim.rulebook, wallet_id, wallets)
            if reached is not None:
                budget = spent.of_goal.get((reached.goal.code, aim.day))
                at = decision.fact.occurred_at
                yield goals.complete(booking, numbers, reached, posted, at, spent.quotas, budget)
