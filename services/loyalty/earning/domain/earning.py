"""Earning: a purchase becomes lots by the rules in force at its time, as far as the caps of its member let it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from services.loyalty.activities.domain.facts import ONE_UNIT, Activity, Facts
from services.loyalty.earning.domain import evaluating, levels
from services.loyalty.earning.domain.budgets import BudgetKey, Quotas, key_of
from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.documents import ACTIVITY, PURCHASE
from services.loyalty.earning.domain.evaluating import Answer, Answers, Wanted
from services.loyalty.earning.domain.levels import Counters, Level
from services.loyalty.earning.domain.lives import life
from services.loyalty.earning.domain.progress import NO_STARTS, Aim, Reached, Starts, aims_of
from services.loyalty.earning.domain.rules.grants import Grant
from services.loyalty.ledger.domain import granting
from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.domain.programme import Expiry
from services.loyalty.ledger.domain.wallets import Lot, Member, Wallet
from services.loyalty.purchases.domain.facts import MemberFacts, Purchase, UnitRange
from services.loyalty.purchases.domain.reasons import Reason
from shared.local_time import local_day


class Outcome(StrEnum):
    """The reasons why a purchase or an activity earned what it did; the member's ledger shows them."""

    EARNED = "earned"
    CAP_REACHED = "cap_reached"
    BUDGET_EXHAUSTED = "budget_exhausted"
    NO_RATE = "no_rate"
    ZERO = "zero"
    CONDITION = "condition"


def outcome_of(answers: Iterable[Answer]) -> Outcome:
    """Return the outcome that the answers of all rules come to, before caps."""
    reasons = {Outcome.EARNED if isinstance(answer, Wanted) else answer.reason for answer in answers}
    if Outcome.EARNED in reasons:
        return Outcome.EARNED
    if Reason.NO_RATE in reasons:
        return Outcome.NO_RATE
    return Outcome.ZERO if Reason.ZERO in reasons or not reasons else Outcome.CONDITION


class Claim(NamedTuple):
    """A grant with the levels of its member's caps that it counts for, the innermost first; none: no cap."""

    grant: Grant
    levels: tuple[Level, ...]
    budget: BudgetKey | None = None


class Served(NamedTuple):
    """The part of a grant that a member gets. `wanted` is what the rule wanted, where caps may have cut it; None: no cap."""

    grant: Grant
    issued: int
    wanted: int | None
    cap: str | None
    cap_from: date | None
    budget: BudgetKey | None = None


F = TypeVar("F", Purchase, Activity)


@dataclass(frozen=True, slots=True)
class Decision(Generic[F]):
    """A purchase or an activity with the grants that the rules in force at its time want; each becomes a lot."""

    fact: F
    claims: tuple[Claim, ...]
    outcome: Outcome
    rulebook: int
    """The version of the rulebook."""
    member: MemberFacts | None = None
    """The facts of the member that the rules looked at; None: they looked at none."""
    aims: tuple[Aim, ...] = ()
    """The goals that the fact counts for."""

    @property
    def rows(self) -> int:
        """The number of ids that the fact takes: its own, those of a lot and a posting per grant, and a completion more per goal."""
        return 1 + 2 * len(self.claims) + 3 * len(self.aims)


class Weighed(NamedTuple):
    """The answers of all rules to a cart, and the grants that they want."""

    answers: Answers
    claims: tuple[Claim, ...]


def weigh(book: CompiledRulebook, cart: Cart, zone: ZoneInfo, expiry: Expiry | None = None) -> Weighed:
    """Return what the rules of a version answer to a cart, and what they want to grant for it."""
    answers = evaluating.answers(book, cart)
    granted = evaluating.grants(book, cart, answers.values(), zone, expiry)
    levels = _levels(book, granted, cart.occurred_at, zone) if granted and book.chains else {}
    budgets = _budgets(book, granted, cart.occurred_at, zone) if granted and book.budgets else {}
    return Weighed(
        answers,
        tuple([Claim(grant, levels.get(grant.rule, ()), budgets.get(grant.rule)) for grant in granted]),
    )


def decide(
    version: int,
    book: CompiledRulebook,
    purchase: Purchase,
    member: MemberFacts | None,
    zone: ZoneInfo,
    starts: Starts = NO_STARTS,
    expiry: Expiry | None = None,
) -> Decision[Purchase]:
    """Return what the rules of a version want to grant for a purchase, and the goals that it counts for."""
    return _decided(version, book, purchase, _cart_of(purchase, member), zone, starts, expiry)


def decide_on_activity(
    version: int,
    book: CompiledRulebook,
    activity: Activity,
    member: MemberFacts | None,
    zone: ZoneInfo,
    starts: Starts = NO_STARTS,
    expiry: Expiry | None = None,
) -> Decision[Activity]:
    """Return what the rules of a version want to grant for an activity, and the goals that it counts for."""
    cart = cart_of_activity(
        activity.kind, activity.facts, activity.occurred_at, member, activity.key.source, activity.key.issuer
    )
    return _decided(version, book, activity, cart, zone, starts, expiry)


def cart_of_activity(
    kind: str,
    facts: Facts,
    at: datetime,
    member: MemberFacts | None,
    source: str | None,
    issuer: str,
    returned: Sequence[UnitRange] = (),
) -> Cart:
    """Return an activity as rules look at it: its facts, with one unit that costs nothing."""
    return Cart(
        currency="",
        occurred_at=at,
        lines=ONE_UNIT,
        member=member,
        source=source,
        issuer=issuer,
        returned=returned,
        trigger=ACTIVITY + kind,
        facts=facts,
    )


def _cart_of(purchase: Purchase, member: MemberFacts | None) -> Cart:
    return Cart(
        currency=purchase.currency,
        occurred_at=purchase.occurred_at,
        lines=purchase.lines,
        member=member,
        source=purchase.source,
        channel=purchase.channel,
        store=purchase.store,
        issuer=purchase.issuer,
    )


def _decided(
    version: int,
    book: CompiledRulebook,
    fact: F,
    cart: Cart,
    zone: ZoneInfo,
    starts: Starts,
    expiry: Expiry | None,
) -> Decision[F]:
    weighed = weigh(book, cart, zone, expiry)
    aims = tuple(aims_of(book, version, starts, cart, zone)) if book.goals or starts else ()
    is_for_no_rule = not weighed.answers and cart.trigger != PURCHASE
    outcome = Outcome.CONDITION if is_for_no_rule else outcome_of(weighed.answers.values())
    return Decision(fact, weighed.claims, outcome, version, cart.member, aims)


def _levels(
    book: CompiledRulebook, granted: Iterable[Grant], at: datetime, zone: ZoneInfo
) -> dict[str, tuple[Level, ...]]:
    """Return the levels that each grant counts for, by its rule."""
    day = local_day(at, zone)
    of_cap = {code: levels.levels_of(chain, day) for code, chain in book.chains.items()}
    return {grant.rule: of_cap[cap] for grant in granted if (cap := book.rule(grant.rule).cap) is not None}


def _budgets(
    book: CompiledRulebook, granted: Iterable[Grant], at: datetime, zone: ZoneInfo
) -> dict[str, BudgetKey]:
    """Return the budget that each grant comes from, by its rule."""
    return {
        grant.rule: key_of(book.budgets[budget], at, zone)
        for grant in granted
        if (budget := book.rule(grant.rule).budget) is not None
    }


def levels_of(book: CompiledRulebook, rule: str, at: datetime, zone: ZoneInfo) -> tuple[Level, ...]:
    """Return the levels of the caps that the points of a rule count for, in their periods at an instant."""
    cap = book.rule(rule).cap
    if cap is None:
        return ()
    return levels.levels_of(book.chains[cap], local_day(at, zone))


def serve(
    claims: Iterable[Claim],
    counters: Counters,
    wallet_id: int,
    wallets: Sequence[int],
    quotas: Quotas | None = None,
) -> list[Served]:
    """Let the caps of a member pass on what the rules want for a wallet, and then budgets, the first in turn first.

    `wallets` are all wallets of the member. What a budget refuses was never wanted. Without `quotas`, budgets refuse nothing.
    """
    served = []
    for grant, chain, budget in claims:
        wanted = grant.points
        if budget is not None and quotas is not None:
            passed = counters.passes(chain, wallets, wanted)
            given = quotas.take(budget, passed)
            wanted = wanted if given == passed else given
            if not wanted:
                continue
        if not chain:
            served.append(Served(grant, wanted, None, None, None, budget))
            continue
        passed = counters.grant(chain, wallet_id, wallets, wanted)
        outermost = chain[-1]
        served.append(Served(grant, passed, wanted, outermost.cap.code, outermost.period_from, budget))
    return served


def earn(
    journal: Journal,
    member: Member,
    wallet: Wallet,
    decision: Decision[F],
    served: Sequence[Served],
    cause: PostingCause,
) -> None:
    """Credit what a purchase or an activity was granted to the wallet of its member."""
    at = decision.fact.occurred_at
    for grant, issued, wanted, cap, cap_from, budget in served:
        lot = Lot(
            id=journal.next_id(),
            wallet=wallet,
            rule=grant.rule,
            rulebook=decision.rulebook,
            issued=issued,
            base=grant.base,
            eligible=grant.eligible,
            earned_at=at,
            purchase_id=cause.id if cause.kind is CauseKind.PURCHASE else None,
            activity_id=cause.id if cause.kind is CauseKind.ACTIVITY else None,
            available_at=grant.available_at,
            expires_at=grant.expires_at,
            slides=grant.slides or None,
            wanted=wanted,
            cap=cap,
            cap_from=cap_from,
            budget=None if budget is None else budget.code,
            budget_from=None if budget is None else budget.period_from,
        )
        granting.issue(journal, member, lot, cause, Account.ISSUED, at)


def complete(
    journal: Journal,
    member: Member,
    wallet: Wallet,
    reached: Reached,
    cause: PostingCause,
    at: datetime,
    zone: ZoneInfo,
    budget: BudgetKey | None = None,
    issued: int | None = None,
) -> Lot:
    """Credit completions of a goal to a wallet as one lot, whose cause is the row of the completions, and return the lot."""
    goal = reached.goal
    ends = life(goal, at, zone, None)
    lot = Lot(
        id=journal.next_id(),
        wallet=wallet,
        rule=goal.code,
        rulebook=reached.rulebook,
        issued=reached.points if issued is None else issued,
        base=0,
        earned_at=at,
        available_at=ends.available_at,
        expires_at=ends.expires_at,
        budget=None if budget is None else budget.code,
        budget_from=None if budget is None else budget.period_from,
    )
    granting.issue(journal, member, lot, cause, Account.ISSUED, at)
    return lot
