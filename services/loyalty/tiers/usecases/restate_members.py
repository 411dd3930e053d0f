"""Restate the tiers of members by another version of the programme."""

from __future__ import annotations

from services.loyalty.ledger.steps.programme import note_restated
from services.loyalty.tiers.queries.page_to_restate import RestatedPage
from services.loyalty.tiers.usecases.settle_due import settle_due
from shared.db import Tx


async def restate_members(tx: Tx, page: RestatedPage) -> int:
    """Settle the members of a page, and store that the page is done; return how many effects.

    A page that two processes take at once is settled twice, which changes nothing.
    """
    effects = await settle_due(tx, page.identity_ids, all_tiers=True) if page.identity_ids else 0
    finished = page.next_after is None
    await note_restated(tx, page.version, page.next_after or 0, finished=finished)
    return effects
