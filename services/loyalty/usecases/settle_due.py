"""Settle what fell due."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.domain import tiers
from services.loyalty.storage import ledger, programmes, standings, wallets
from services.loyalty.usecases.open_journal import open_journal
from services.loyalty.usecases.tell_tiers import tell_tiers
from shared.db import Tx


async def settle_due(tx: Tx, identity_ids: Sequence[str]) -> int:
    """Book activations and expiries of these members, and tiers whose spend dropped out; answers how many effects.

    Whether it runs early, late or never changes no balance: writers and readers do the same.
    """
    locked = await wallets.lock(tx, identity_ids, create=False)
    members = list({member.owner_id: member for member in locked.members.values()}.values())
    programme = await programmes.current(tx)
    journal = await open_journal(tx, locked, members, rows=0)
    found = await standings.of(tx, programme, members)
    due = [each for each in found.values() if each.due_at is not None and each.due_at <= tx.now]
    missing = [wallet for standing in due for wallet in standing.missing()]
    await standings.load_windows(tx, programme, due, missing)
    effects = len(journal.postings)
    for standing in due:
        changes = tiers.advance(standing, programme, tx.now)
        effects += len(changes)
        tell_tiers(tx, programme, changes, None, tx.now)
        for wallet in standing.member.wallets:
            journal.touch(wallet)
    await standings.store(tx, due)
    await ledger.post(tx, journal)
    return effects
