"""The invariants of tiers: windows and tiers are what purchases and returns make them."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.queries import tier_states, wallets
from services.loyalty.ledger.queries.programme import read_programme
from services.loyalty.ledger.queries.verifying import over_wallets
from services.loyalty.tiers.storage.windows import folds_of, windows
from shared.db import Read
from shared.speech import words
from shared.verify.invariants import Drift


async def check(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Recompute the trailing windows of these wallets, and the tiers that their owners reach."""
    programme = await read_programme(read)
    in_window = await windows(read, programme, page)
    drifts = []
    for wallet in page:
        until = wallet.spend_at
        expected = sum(
            spend.amount_minor
            for spend in in_window.get(wallet.id, ())
            if until is not None and spend.counts(until)
        )
        if wallet.spend != expected:
            difference = words(__name__, "drift_spend", spend=wallet.spend, expected=expected)
            drifts.append(Drift("spend_is_its_window", wallet.identity_id, difference))
    owner_ids = sorted({wallet.owner_id for wallet in page})
    stored = {state.owner_id: state.tier for state in await tier_states.read(read, owner_ids)}
    folds = {}
    if programme.folds:
        owned = await wallets.of_owners(read, owner_ids)
        folds = await folds_of(read, programme, {wallet.id: wallet.owner_id for wallet in owned})
    for spent in await wallets.spends(read, owner_ids):
        owner_id = spent.owner_id
        reached = programme.lowest
        if spent.spend_at is not None and owner_id in folds:
            reached = folds[owner_id].at(spent.spend_at).tier.code
        elif spent.spend_at is not None:
            reached = programme.at(spent.spend_at).tier_of(int(spent.spend)).code
        if stored.get(owner_id, programme.lowest) != reached:
            difference = words(__name__, "drift_tier", stored=stored.get(owner_id), reached=reached)
            drifts.append(Drift("tier_is_what_spend_reaches", owner_id, difference))
    return drifts


INVARIANTS = over_wallets(("spend_is_its_window", "tier_is_what_spend_reaches"), check)
