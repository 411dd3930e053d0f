"""Read what members bought and did before a goal began."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from zoneinfo import ZoneInfo

from services.loyalty.activities.queries import activities
from services.loyalty.earning.domain import falling
from services.loyalty.earning.domain.falling import Booked
from services.loyalty.earning.domain.levels import CounterKey
from services.loyalty.earning.domain.progress import GOAL, Progress, Starts, past_aims
from services.loyalty.purchases.domain.facts import UnitRange
from services.loyalty.purchases.queries import orders
from shared.db import Read

Fresh = Collection[CounterKey]
"""The counters of goals that wallets do not have yet."""


async def count_past(read: Read, progress: Progress, starts: Starts, zone: ZoneInfo, fresh: Fresh) -> None:
    """Count what these wallets have from before each goal, without what was taken back."""
    for key in fresh:
        progress.begin(key)
    until = max(starts[key.key.removeprefix(GOAL)].version for key in fresh)
    wallet_ids = sorted({key.wallet_id for key in fresh})
    for fact, returned in await facts_before(read, wallet_ids, until):
        cart = falling.cart_of(fact)(returned)
        for aim in past_aims(fact.rulebook, starts, cart, zone):
            if aim.term.key(GOAL, fact.wallet_id) in fresh:
                progress.count(aim, fact.wallet_id, aim.counted)


async def facts_before(
    read: Read, wallet_ids: Sequence[int], version: int
) -> list[tuple[Booked, Sequence[UnitRange]]]:
    """Return the purchases and activities of these wallets by earlier versions of the rules, each with what went back of it."""
    bought = await orders.of_versions_before(read, wallet_ids, version)
    returned = await orders.returned_units(read, [purchase.id for purchase in bought]) if bought else {}
    done = await activities.of_versions_before(read, wallet_ids, version)
    reversed_ = await activities.taken_back(read, [activity.id for activity in done])
    return [
        *((purchase, returned.get(purchase.id, ())) for purchase in bought),
        *((activity, reversed_.get(activity.id, ())) for activity in done),
    ]
