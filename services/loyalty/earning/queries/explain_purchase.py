"""Explain what a purchase or an activity earned."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from services.loyalty.activities.queries import activities
from services.loyalty.earning.domain import evaluating, explaining, falling
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.explaining import Applied, Granted, Rejected
from services.loyalty.earning.domain.falling import Booked
from services.loyalty.earning.queries.goals import (
    GoalStanding,
    asked_of,
    load_progress,
    standings_of,
    starts_with,
)
from services.loyalty.earning.queries.rulebooks import compiled_of
from services.loyalty.earning.refusals import NoSuchPurchase
from services.loyalty.earning.storage import completions
from services.loyalty.ledger.domain.postings import CauseKind
from services.loyalty.ledger.queries import lots
from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.ledger.queries.lots import LotRecord
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.purchases.domain.facts import StoredPurchase
from services.loyalty.purchases.queries import orders
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer of every rule to a purchase or an activity, by the version of its time and the facts that were frozen with it."""

    fact: Booked
    applied: list[Applied]
    rejected: list[Rejected]
    goals: list[GoalStanding]
    """The goals of the version, with what the fact counted when it was booked, and how far the member is now."""


async def explain_purchase(
    read: Read, context: Context[Settings], found: FoundMember, row_id: int | None
) -> Explanation:
    """Return what each rule answered to a purchase of this member. Raises NoSuchPurchase.

    Many lines and many rules take longer than others may wait for, so they are worked on in a thread.
    """
    stored = await orders.find_rows(read, [] if row_id is None else [row_id])
    return await _explain(read, context, found, stored.get(row_id or 0), lots.of_purchases)


async def explain_activity(
    read: Read, context: Context[Settings], found: FoundMember, row_id: int | None
) -> Explanation:
    """Return what each rule answered to an activity of this member. Raises NoSuchPurchase."""
    stored = await activities.find_rows(read, [] if row_id is None else [row_id])
    return await _explain(read, context, found, stored.get(row_id or 0), lots.of_activities)


async def _explain(
    read: Read,
    context: Context[Settings],
    found: FoundMember,
    fact: Booked | None,
    lots_of: Callable[[Read, Sequence[int]], Awaitable[Sequence[LotRecord]]],
) -> Explanation:
    if fact is None or fact.wallet_id not in found.wallet_ids:
        raise NoSuchPurchase
    book = (await compiled_of(read, [fact.rulebook]))[fact.rulebook]
    granted = {lot.rule: Granted(lot.issued, lot.wanted) for lot in await lots_of(read, [fact.id])}
    cart = falling.cart_of(fact)(())
    answers = await asyncio.to_thread(evaluating.answers, book, cart)
    return Explanation(
        fact,
        explaining.applied_of(book, cart, answers, granted),
        await asyncio.to_thread(explaining.rejected_of, book, cart, answers),
        await _goals(read, context, found, fact, book) if book.goals else [],
    )


async def _goals(
    read: Read,
    context: Context[Settings],
    found: FoundMember,
    fact: Booked,
    book: CompiledRulebook,
) -> list[GoalStanding]:
    """Return the goals of a fact's version: what it counted and brought, and how far its member is now."""
    zone, cart = (await programme_or_default(read, context)).zone_info, falling.cart_of(fact)(())
    starts, wallets = await starts_with(read, book, fact.occurred_at), found.wallet_ids
    kind = CauseKind.PURCHASE if isinstance(fact, StoredPurchase) else CauseKind.ACTIVITY
    brought = {record.goal: record for record in await completions.of_causes(read, kind, [fact.id])}
    of_goals = await lots.by_ids(read, [record.lot_id for record in brought.values()])
    issued = {lot.id: lot.issued for lot in of_goals}
    asked = asked_of(book, starts, cart, fact.occurred_at, zone)
    progress = await load_progress(read, asked, wallets)
    standings = await standings_of(read, progress, starts, zone, asked, None, wallets, cart)
    return [
        replace(standing, counted=aim.counted, completed=record.count, earned=issued.get(record.lot_id, 0))
        if (record := brought.get(standing.goal.code)) is not None
        else replace(standing, counted=aim.counted)
        for standing, (aim, _) in zip(standings, asked, strict=True)
    ]
