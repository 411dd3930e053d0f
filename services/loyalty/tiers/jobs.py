"""The work that time alone brings: points fall due, and tiers run out."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.ledger.queries import tier_states, wallets
from services.loyalty.ledger.steps.programme import note_restated
from services.loyalty.settings import Settings
from services.loyalty.tiers.queries.page_to_restate import page_to_restate
from services.loyalty.tiers.usecases.restate_members import restate_members
from services.loyalty.tiers.usecases.settle_due import settle_due
from shared.context import Context, Runtime
from shared.db import Read, Tx
from shared.outbox.due_rows import RowByRow, by_rows
from shared.outbox.jobs import PAGES_MAX, Job

EVERY_SECONDS = 5.0


async def _due(read: Read, context: Context[Settings], limit: int) -> list[str]:
    """Return identities in whose wallets points fell due, and members whose tier may have ended."""
    now = context.clock.now()
    due = [*await wallets.due(read, now, limit), *await tier_states.due(read, now, limit)]
    return list(dict.fromkeys(due))[:limit]


async def _settle(tx: Tx, _context: Context[Settings], identity_ids: Sequence[str]) -> int:
    return await settle_due(tx, identity_ids)


SETTLE_DUE = by_rows("settle_due", _due, _settle, every_seconds=EVERY_SECONDS)
"""Book activations, expiries, and tiers whose spend dropped out."""


async def restate(runtime: Runtime[Settings]) -> int:
    """Look at the tiers of all members once after each version of the programme came into force; return how many effects.

    Whoever buys from then on is restated by that purchase. A page that two processes take at once is settled twice, which changes
    nothing; a page without a change takes no lock of wallets. A member that cannot be
    restated is passed over, and readers count their tier by the version in force all the same.
    """
    rows = RowByRow(runtime, "restate_tiers", restate_members)
    if again := rows.to_try(list(rows.passed)):
        await rows.do(again)
    for _ in range(PAGES_MAX):
        async with runtime.database.read() as read:
            page = await page_to_restate(read, runtime.clock.now())
        if page is None:
            break
        if page.identity_ids:
            await rows.do(page.identity_ids)
        async with runtime.database.begin() as tx:
            await note_restated(tx, page.version, page.next_after or 0, finished=page.next_after is None)
    return rows.ended()


RESTATE_TIERS = Job("restate_tiers", restate, EVERY_SECONDS)
