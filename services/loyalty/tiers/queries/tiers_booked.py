"""The tiers that members had at purchases that are booked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.purchases.queries import amounts
from services.loyalty.tiers.domain import standing as tiers
from services.loyalty.tiers.domain.standing import Spend
from services.loyalty.tiers.storage.windows import folds_of, reach_of
from shared.db import Read


class BookedSpend(NamedTuple):
    """A booked purchase, with what of its amount was not returned."""

    order_id: int
    wallet_id: int
    currency: str
    occurred_at: datetime
    amount_minor: int


async def tiers_booked(
    read: Read, programme: Programme, owner_of: Mapping[int, str], purchases: Sequence[BookedSpend]
) -> list[str]:
    """Return the tier of each purchase's member at its time, by everything else that is booked now. `owner_of`: by wallet."""
    if not purchases:
        return []
    if programme.folds:
        folds = await folds_of(read, programme, owner_of)
        return [
            folds[owner_of[purchase.wallet_id]].without(purchase.order_id).at(purchase.occurred_at).tier.code
            for purchase in purchases
        ]
    since = min(purchase.occurred_at for purchase in purchases) - reach_of(programme)
    spends: dict[str, list[Spend]] = {owner_id: [] for owner_id in owner_of.values()}
    for amount in await amounts.amounts_since(read, programme.currency, sorted(owner_of), since):
        spend = tiers.spend_of(programme, amount.occurred_at, amount.amount_minor)
        spends[owner_of[amount.wallet_id]].append(spend)
    found = []
    for purchase in purchases:
        counted = [
            spend for spend in spends[owner_of[purchase.wallet_id]] if spend.counts(purchase.occurred_at)
        ]
        own = purchase.amount_minor if purchase.currency == programme.currency else 0
        document = programme.at(purchase.occurred_at)
        found.append(document.tier_of(sum(spend.amount_minor for spend in counted) - own).code)
    return found
