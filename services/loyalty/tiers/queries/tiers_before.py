"""The tiers that members had just before purchases, for rules that look at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.purchases.queries import amounts
from services.loyalty.tiers.domain import standing as tiers
from services.loyalty.tiers.domain.standing import Spend
from services.loyalty.tiers.storage.windows import folds_of, reach_of
from shared.db import Read


class Spent(NamedTuple):
    """A purchase that is about to be booked."""

    identity_id: str
    currency: str
    occurred_at: datetime
    amount_minor: int


async def tiers_before(
    read: Read, programme: Programme, locked: Locked, purchases: Sequence[Spent]
) -> list[str]:
    """Return the tier of each purchase's member at its time, by what was booked before it and by those before it here.

    The amounts of the trailing windows are read in two statements, whether a purchase is late or not.
    """
    owner_of = {
        wallet.id: wallet.owner_id
        for purchase in purchases
        for wallet in locked.member(purchase.identity_id).wallets
    }
    if programme.folds:
        return await _folded(read, programme, locked, owner_of, purchases)
    since = min(purchase.occurred_at for purchase in purchases) - reach_of(programme)
    spends: dict[str, list[Spend]] = {owner_id: [] for owner_id in owner_of.values()}
    for amount in await amounts.amounts_since(read, programme.currency, sorted(owner_of), since):
        spend = tiers.spend_of(programme, amount.occurred_at, amount.amount_minor)
        spends[owner_of[amount.wallet_id]].append(spend)
    found = []
    for purchase in purchases:
        known = spends[locked.wallets[purchase.identity_id].owner_id]
        at = purchase.occurred_at
        counted = sum(spend.amount_minor for spend in known if spend.counts(at))
        found.append(programme.at(at).tier_of(counted).code)
        if purchase.currency == programme.currency:
            known.append(tiers.spend_of(programme, at, purchase.amount_minor))
    return found


async def _folded(
    read: Read, programme: Programme, locked: Locked, owner_of: Mapping[int, str], purchases: Sequence[Spent]
) -> list[str]:
    folds = await folds_of(read, programme, owner_of)
    found = []
    for position, purchase in enumerate(purchases, 1):
        fold = folds[locked.wallets[purchase.identity_id].owner_id]
        found.append(fold.at(purchase.occurred_at).tier.code)
        if purchase.currency == programme.currency:
            fold.add(-position, purchase.occurred_at, purchase.amount_minor, closes=False)
    return found
