"""Restate the tiers of members that gained or lost a wallet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.loyalty.ledger.domain.wallets import Member
from services.loyalty.ledger.steps.booking import Booking
from services.loyalty.tiers.domain import standing as tiers
from services.loyalty.tiers.steps import standings
from services.loyalty.tiers.steps.tell_tiers import tell_tiers
from services.loyalty.tiers.storage.windows import load_windows
from shared.events.base import Cause


async def restate_tiers(booking: Booking, members: Iterable[Member], cause: Cause, at: datetime) -> None:
    """Count the tiers of these members anew, and remove the tiers of those that have no wallet left."""
    tx, programme = booking.tx, booking.programme
    at = tiers.seen_at(at, tx.now)
    concerned = await standings.of_members(tx, programme, members)
    alone = [owner_id for owner_id, standing in concerned.items() if not standing.member.wallets]
    owning = [standing for owner_id, standing in concerned.items() if owner_id not in alone]
    for standing in owning:
        standing.windows.clear()
        standing.fold = None
    missing = [wallet for standing in owning for wallet in standing.missing()]
    await load_windows(tx, programme, owning, missing)
    for standing in owning:
        tell_tiers(tx, programme, tiers.rejoin(standing, programme, at), cause, at)
        for wallet in standing.member.wallets:
            booking.journal.touch(wallet)
    await standings.store(tx, owning)
    await standings.remove(tx, alone)
