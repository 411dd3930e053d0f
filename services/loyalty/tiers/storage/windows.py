"""Read the amounts that tiers are counted from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.purchases.domain.facts import CountedOrder
from services.loyalty.purchases.queries import amounts
from services.loyalty.tiers.domain import standing as tiers
from services.loyalty.tiers.domain.fold import Fold
from services.loyalty.tiers.domain.standing import Spend, Standing
from shared.db import Read

SLACK = timedelta(days=3)
"""A month has at most 31 days, and a zone's clocks move: a window is read a little too far and cut exactly."""
DAYS_A_MONTH_MAX = 31


async def windows(read: Read, programme: Programme, wallets: Iterable[Wallet]) -> dict[int, list[Spend]]:
    """Return what counts in each wallet's trailing window as of its `spend_at`, and what will count later.

    It takes two statements for all of them.
    """
    asked = {wallet.id: wallet.spend_at for wallet in wallets if wallet.spend_at is not None}
    if not asked:
        return {}
    wallet_ids, since = sorted(asked), min(asked.values()) - reach_of(programme)
    by_wallet: dict[int, list[Spend]] = {wallet_id: [] for wallet_id in wallet_ids}
    for amount in await amounts.amounts_since(read, programme.currency, wallet_ids, since):
        spend = tiers.spend_of(programme, amount.occurred_at, amount.amount_minor)
        if spend.drops_at > asked[amount.wallet_id]:
            by_wallet[amount.wallet_id].append(spend)
    return by_wallet


def reach_of(programme: Programme) -> timedelta:
    """Return a time that no trailing window is longer than."""
    return timedelta(days=DAYS_A_MONTH_MAX * programme.window_months) + SLACK


async def load_windows(
    read: Read, programme: Programme, standings: Iterable[Standing], missing: Sequence[Wallet]
) -> None:
    """Load the windows of these wallets into the standings of their members, and all orders where the programme folds them."""
    if programme.folds:
        standings = list(standings)
        await _load_folds(read, programme, [standing for standing in standings if standing.fold is None])
    loaded = await windows(read, programme, missing)
    for standing in standings:
        for wallet in standing.member.wallets:
            if wallet.id in loaded:
                standing.windows[wallet.id] = loaded[wallet.id]


async def _load_folds(read: Read, programme: Programme, standings: Sequence[Standing]) -> None:
    owner_of = {
        wallet.id: standing.member.owner_id for standing in standings for wallet in standing.member.wallets
    }
    folds = await folds_of(read, programme, owner_of)
    for standing in standings:
        standing.fold = folds.get(standing.member.owner_id) or Fold(programme, ())


async def folds_of(
    read: Read, programme: Programme, owner_of: Mapping[int, str], until: datetime | None = None
) -> dict[str, Fold]:
    """Return the folds of these members (wallet id to owner), by all orders that are booked, or were booked up to an instant."""
    orders: dict[str, list[CountedOrder]] = {owner_id: [] for owner_id in owner_of.values()}
    if owner_of:
        for order in await amounts.orders_counted(read, programme.currency, sorted(owner_of), until):
            orders[owner_of[order.wallet_id]].append(order)
    return {owner_id: Fold(programme, of_owner) for owner_id, of_owner in orders.items()}


async def spends_booked(
    read: Read, programme: Programme, wallet_ids: Sequence[int], until: datetime
) -> list[Spend]:
    """Return everything of these wallets that ever counted towards a tier and was booked by an instant."""
    booked = await amounts.amounts_booked(read, programme.currency, wallet_ids, until)
    return [tiers.spend_of(programme, amount.occurred_at, amount.amount_minor) for amount in booked]
