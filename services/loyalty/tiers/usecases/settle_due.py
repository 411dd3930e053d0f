"""Settle what fell due."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.ledger.steps.booking import close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.tiers.domain import standing as tiers
from services.loyalty.tiers.steps import standings
from services.loyalty.tiers.steps.tell_tiers import tell_tiers
from services.loyalty.tiers.storage.windows import load_windows
from shared.db import Tx


async def settle_due(tx: Tx, identity_ids: Sequence[str], *, all_tiers: bool = False) -> int:
    """Book activations and expiries of these members, and tiers that time has changed; return how many effects.

    Time changes a tier when spend drops out, or when another version of the programme comes into force. `all_tiers`: look at
    the tier of each of them, also where it was not due by the versions of before.

    Whether it runs early, late or never changes no balance: writers and readers do the same.
    """
    locked = await lock_wallets(tx, identity_ids, create=False)
    members = list({member.owner_id: member for member in locked.members.values()}.values())
    booking = await open_booking(tx, locked, members, rows=0)
    programme, journal = booking.programme, booking.journal
    concerned = await standings.of_members(tx, programme, members)
    due = [
        standing
        for standing in concerned.values()
        if all_tiers
        or (standing.due_at is not None and standing.due_at <= tx.now)
        or standing.is_restated(programme, tx.now)
    ]
    missing = [wallet for standing in due for wallet in standing.missing()]
    await load_windows(tx, programme, due, missing)
    effects = len(journal.postings)
    for standing in due:
        changes = tiers.advance(standing, programme, tx.now)
        effects += len(changes)
        tell_tiers(tx, programme, changes, None, tx.now)
        for wallet in standing.member.wallets:
            journal.touch(wallet)
    await standings.store(tx, due)
    await close_booking(booking)
    return effects
