"""The work that time alone brings: points fall due, and tiers run out."""

from __future__ import annotations

from services.loyalty.ledger.queries import tier_states, wallets
from services.loyalty.settings import Settings
from services.loyalty.tiers.queries.page_to_restate import page_to_restate
from services.loyalty.tiers.usecases.restate_members import restate_members
from services.loyalty.tiers.usecases.settle_due import settle_due
from shared.context import Runtime
from shared.outbox.jobs import PAGES_MAX


async def settle(runtime: Runtime[Settings]) -> int:
    """Book activations, expiries, and tiers whose spend dropped out; return how many effects.

    It looks for due pages outside of a transaction: where nothing is due, it takes no lock and no place in SQLite's
    queue of writers. A page may be due without an effect, because what is stored is a lower bound.
    """
    effects = 0
    for due in (wallets.due, tier_states.due):
        for _ in range(PAGES_MAX):
            async with runtime.database.read() as read:
                identity_ids = await due(read, runtime.clock.now())
            if not identity_ids:
                break
            async with runtime.database.begin() as tx:
                effects += await settle_due(tx, identity_ids)
    return effects


async def restate(runtime: Runtime[Settings]) -> int:
    """Look at the tiers of all members once after each version of the programme came into force; return how many effects.

    Whoever buys from then on is restated by that purchase. A page without a change takes no lock of wallets.
    """
    effects = 0
    for _ in range(PAGES_MAX):
        async with runtime.database.read() as read:
            page = await page_to_restate(read, runtime.clock.now())
        if page is None:
            break
        async with runtime.database.begin() as tx:
            effects += await restate_members(tx, page)
    return effects
