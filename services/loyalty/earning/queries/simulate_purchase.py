"""Simulate a purchase or an activity: what it would earn as the member's tier and counters stand. Nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from services.loyalty.earning.domain import earning, explaining
from services.loyalty.earning.domain.budgets import Quotas, key_of
from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.earning import Claim, Served
from services.loyalty.earning.domain.explaining import Applied, Granted, Rejected
from services.loyalty.earning.domain.levels import Counters, Level
from services.loyalty.earning.domain.progress import NO_STARTS, Aim, Progress, keys_of, series_of
from services.loyalty.earning.queries.budgets import quotas_of
from services.loyalty.earning.queries.goals import GoalStanding, asked_of, standings_of, starts_with
from services.loyalty.earning.queries.rules_asked import Asked, RulesAsked, cart_of, rules_for_purchase
from services.loyalty.earning.storage import counters
from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read

T = TypeVar("T")

QUICK_MAX = 2_000
"""Rules times lines that are evaluated in about two milliseconds."""
NO_WALLET = 0
"""The wallet of somebody who never bought: no row has this id."""


@dataclass(frozen=True, slots=True)
class FilledCap:
    """A cap that points count for, with what it has let through in its period before and after the purchase."""

    cap: str
    period_from: date
    limit: int
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRule(Applied):
    """A rule that wants points, with their dates."""

    available_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Simulation:
    """The points that a purchase would earn, and why. `version` None: a document that is no version of the rules."""

    version: int | None
    hash: bytes
    in_force_until: datetime | None
    """The begin of the next version that is published; None: there is none."""
    tier: str | None
    """The member's tier before the purchase; None: no rule looks at it."""
    applied: list[Applied]
    rejected: list[Rejected]
    claims: Sequence[Claim]
    served: list[Served]
    caps: list[FilledCap]
    goals: list[GoalStanding]

    @property
    def points(self) -> int:
        """Return what all rules and goals together grant."""
        return sum(part.issued for part in self.served) + sum(standing.earned for standing in self.goals)

    @property
    def rules(self) -> list[SimulatedRule]:
        """Return the rules that want points, with their dates."""
        grants = {claim.grant.rule: claim.grant for claim in self.claims}
        return [
            SimulatedRule(
                rule=applied.rule,
                lines=applied.lines,
                base_minor=applied.base_minor,
                wanted=applied.wanted,
                granted=applied.granted,
                cap=applied.cap,
                budget=applied.budget,
                cut_by=applied.cut_by,
                available_at=grants[applied.rule].available_at,
                expires_at=grants[applied.rule].expires_at,
            )
            for applied in self.applied
        ]


async def simulate_purchase(
    read: Read,
    context: Context[Settings],
    found: FoundMember | None,
    asked: Asked,
    rules: RulesAsked | None = None,
) -> Simulation:
    """Return what a purchase or an activity would earn, by the functions by which they earn. `found` None: somebody who never bought.

    `rules`: the rules for it, where they were read before.

    Many lines and many rules take longer than others may wait for, so they are worked on in a thread.
    """
    programme = await programme_or_default(read, context)
    rules = rules or await rules_for_purchase(read, programme, found, asked)
    book, cart = rules.book, cart_of(rules, asked)
    expiry = programme.at(asked.at).expiry
    weighed = await _evaluated(book, cart, lambda: earning.weigh(book, cart, programme.zone_info, expiry))
    wallets = [NO_WALLET] if found is None else found.wallet_ids
    wallet_id = NO_WALLET if found is None else found.locked.wallets[asked.identity_id].id
    starts = await starts_with(read, book, asked.at) if book.goals else NO_STARTS
    aimed = asked_of(book, starts, cart, asked.at, programme.zone_info)
    filled = await _counters(read, weighed.claims, [aim for aim, _ in aimed], wallets)
    levels = list(dict.fromkeys(level for claim in weighed.claims for level in claim.levels))
    before = {level: filled.granted(level, wallets) for level in levels}
    budgets = await quotas_of(read, book, weighed.claims, asked.at, programme.zone_info)
    served = earning.serve(weighed.claims, filled, wallet_id, wallets, budgets)
    granted = {part.grant.rule: Granted(part.issued, part.wanted) for part in served}
    progress, zone = Progress(filled), programme.zone_info
    goals = await standings_of(read, progress, starts, zone, aimed, wallet_id, wallets, cart)
    return Simulation(
        rules.version,
        rules.hash,
        rules.until,
        rules.tier,
        explaining.applied_of(book, cart, weighed.answers, granted),
        await _evaluated(book, cart, lambda: explaining.rejected_of(book, cart, weighed.answers)),
        weighed.claims,
        served,
        [
            FilledCap(
                level.cap.code,
                level.period_from,
                level.cap.limit,
                before[level],
                filled.granted(level, wallets),
            )
            for level in levels
        ],
        [_paid(book, standing, budgets, asked.at, zone) for standing in goals],
    )


def _paid(
    book: CompiledRulebook, standing: GoalStanding, budgets: Quotas, at: datetime, zone: ZoneInfo
) -> GoalStanding:
    """Return a goal with the points that a purchase brings by it, as its budget has room for them."""
    wanted, budget = standing.completed * standing.goal.points, standing.goal.budget
    if budget is None:
        return replace(standing, earned=wanted)
    return replace(standing, earned=budgets.take(key_of(book.budgets[budget], at, zone), wanted))


async def _evaluated(book: CompiledRulebook, cart: Cart, evaluate: Callable[[], T]) -> T:
    """Return what an evaluation gives. A small one is done at once, because a thread would take longer to begin."""
    rules = len(book.bases) + len(book.multipliers)
    return evaluate() if rules * len(cart.lines) <= QUICK_MAX else await asyncio.to_thread(evaluate)


async def _counters(
    read: Read, claims: Sequence[Claim], aims: Sequence[Aim], wallets: Sequence[int]
) -> Counters:
    """Return the counters that these grants count for, and those of these goals."""
    levels: set[Level] = {level for claim in claims for level in claim.levels}
    keys = [level.of(wallet_id) for level in levels for wallet_id in wallets]
    return await counters.load(read, [*keys, *keys_of(aims, wallets)], series_of(aims, wallets))
