"""Read what members bought before a goal began."""

from __future__ import annotations

from collections.abc import Collection
from zoneinfo import ZoneInfo

from services.loyalty.earning.domain import falling
from services.loyalty.earning.domain.levels import CounterKey
from services.loyalty.earning.domain.progress import GOAL, Progress, Starts, past_aims
from services.loyalty.purchases.queries import orders
from shared.db import Read

Fresh = Collection[CounterKey]
"""The counters of goals that wallets do not have yet."""


async def count_past(read: Read, progress: Progress, starts: Starts, zone: ZoneInfo, fresh: Fresh) -> None:
    """Count what was bought into these wallets before each goal, without what was returned."""
    for key in fresh:
        progress.begin(key)
    until = max(starts[key.key.removeprefix(GOAL)].version for key in fresh)
    purchases = await orders.of_versions_before(read, sorted({key.wallet_id for key in fresh}), until)
    returned = await orders.returned_units(read, [bought.id for bought in purchases]) if purchases else {}
    for bought in purchases:
        cart = falling.cart_of(bought)(returned.get(bought.id, ()))
        for aim in past_aims(bought.rulebook, starts, cart, zone):
            if aim.term.key(GOAL, bought.wallet_id) in fresh:
                progress.count(aim, bought.wallet_id, aim.counted)
