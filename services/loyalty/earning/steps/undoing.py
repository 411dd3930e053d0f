"""Undo what purchases and activities earned, whose wallets are locked: what goes out of lots, and which completions fall."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from services.loyalty.activities.domain.facts import StoredActivity
from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.falling import Booked, Falls, cart_of, falls_of, missing
from services.loyalty.earning.domain.progress import Aim, Progress, aims_of
from services.loyalty.earning.domain.returning import PointsOfLot
from services.loyalty.earning.domain.rules.grants import Nothing
from services.loyalty.earning.steps.counters import Levels
from services.loyalty.earning.steps.goals import Completions
from services.loyalty.earning.steps.rulebooks import compiled_rulebooks, goal_starts
from services.loyalty.ledger.domain.wallets import Lot, Wallet
from services.loyalty.ledger.steps.booking import Booking
from services.loyalty.ledger.steps.programme import current_programme
from services.loyalty.purchases.domain.facts import StoredPurchase, UnitRange
from shared.db import Tx

B = TypeVar("B", StoredPurchase, StoredActivity)


async def aims_of_facts(tx: Tx, facts: Sequence[B]) -> dict[int, list[Aim]]:
    """Return the goals that these facts count for, by fact; nothing is read where there are no goals."""
    starts = await goal_starts(tx)
    if not starts:
        return {}
    zone = (await current_programme(tx)).zone_info
    books = await compiled_rulebooks(tx, {fact.rulebook for fact in facts})
    return {
        fact.id: aims_of(books[fact.rulebook], fact.rulebook, starts, cart_of(fact)(()), zone)
        for fact in facts
    }


def owners_behind(earned: Iterable[Lot], completions: Completions) -> set[str]:
    """Return the members of whom other lots may be needed.

    These are members whose lots have not all their points, those whose lots may draw points out of others where a cap falls, and
    members who completed goals that may fall.
    """
    owner_ids = {lot.wallet.owner_id for lot in completions.lots.values()}
    for lot in earned:
        is_all_there = lot.pending + lot.remaining + lot.expired >= lot.issued - lot.reversed
        if not is_all_there or missing(lot):
            owner_ids.add(lot.wallet.owner_id)
    return owner_ids


def points_that_fall(
    booking: Booking,
    levels: Levels,
    fact: Booked,
    wallet: Wallet,
    earned: Sequence[Lot],
    before: Sequence[UnitRange],
    units: Sequence[UnitRange],
) -> list[PointsOfLot]:
    """Return the points that these units of a fact take out of lots, after the units `before`."""
    falls = Falls(levels.counters, levels.capped)
    member, zone = booking.locked.member(wallet.identity_id), booking.programme.zone_info
    return falls_of(levels.books, fact, earned, before, units, falls, member, zone)


def completions_that_fall(
    booking: Booking,
    progress: Progress,
    completions: Completions,
    fact: Booked,
    wallet: Wallet,
    aims: Sequence[Aim],
    before: Sequence[UnitRange],
    units: Sequence[UnitRange],
) -> list[PointsOfLot]:
    """Take what these units of a fact count from goals, and return the points of the completions that fall."""
    left = cart_of(fact)
    wallets = [owned.id for owned in booking.locked.member(wallet.identity_id).wallets]
    points: list[PointsOfLot] = []
    for aim in aims:
        gone = _counted_by(aim, left(before)) - _counted_by(aim, left([*before, *units]))
        if gone and progress.begun(aim, wallet.id):
            surplus = progress.surplus(aim.term, wallets)
            progress.count(aim, wallet.id, -gone)
            for lost in progress.fall(aim.term, wallet.id, wallets, surplus):
                points += completions.take(lost)
    return points


def _counted_by(aim: Aim, cart: Cart) -> int:
    counted = aim.compiled.counted(cart)
    return 0 if isinstance(counted, Nothing) else counted
