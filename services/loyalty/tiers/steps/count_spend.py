"""Count spend towards tiers, and tell whose tier changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.steps.booking import Booking
from services.loyalty.tiers.domain import standing as tiers
from services.loyalty.tiers.domain.standing import OrderMoved, Spend, Standing
from services.loyalty.tiers.steps import standings
from services.loyalty.tiers.steps.tell_tiers import tell_tiers
from services.loyalty.tiers.storage.windows import load_windows
from shared.events.base import Cause


class Counted(NamedTuple):
    """An amount that counts towards the tier of a wallet's owner; a return is negative.

    `spent_at` is when the money was spent (of a return: the instant of its purchase), `at` when the fact happened.
    """

    wallet: Wallet
    currency: str
    spent_at: datetime
    amount_minor: int
    at: datetime
    cause: Cause
    order: OrderMoved


class _Spent(NamedTuple):
    """An amount, what it counts for, and the instant to which it moves time on."""

    amount: Counted
    spend: Spend
    at: datetime


async def count_spend(booking: Booking, amounts: Sequence[Counted]) -> None:
    """Count amounts in the programme's currency at their effective times; closing the booking stores the wallets."""
    tx, programme = booking.tx, booking.programme
    spent = [
        _Spent(
            amount,
            tiers.spend_of(programme, amount.spent_at, amount.amount_minor),
            tiers.seen_at(amount.at, tx.now),
        )
        for amount in amounts
        if amount.currency == programme.currency
    ]
    wallets = [amount.wallet for amount, _, _ in spent]
    members = {wallet.owner_id: booking.locked.member(wallet.identity_id) for wallet in wallets}
    concerned = await standings.of_members(tx, programme, members.values())
    await _load_windows(booking, concerned, spent)
    before = {owner_id: standing.state() for owner_id, standing in concerned.items()}
    for amount, spend, at in spent:
        changes = tiers.count(
            concerned[amount.wallet.owner_id], programme, amount.wallet, spend, at, amount.order
        )
        tell_tiers(tx, programme, changes, amount.cause, at)
    for standing in concerned.values():
        for wallet in standing.member.wallets:
            booking.journal.touch(wallet)
    await standings.store(
        tx, [standing for owner_id, standing in concerned.items() if standing.state() != before[owner_id]]
    )


async def _load_windows(booking: Booking, concerned: Mapping[str, Standing], spent: Sequence[_Spent]) -> None:
    """Load the windows of members whose window moves or whose tier may change; most members need none.

    A window moves also when an amount ceases to count before the time of another one that is counted with it.
    """
    by_owner: dict[str, list[_Spent]] = {}
    for counted in spent:
        by_owner.setdefault(counted.amount.wallet.owner_id, []).append(counted)
    missing = []
    for owner_id, mine in by_owner.items():
        standing = concerned[owner_id]
        up = sum(spend.amount_minor for _, spend, _ in mine if spend.amount_minor > 0)
        down = -sum(spend.amount_minor for _, spend, _ in mine if spend.amount_minor < 0)
        latest = max(at for _, _, at in mine)
        if (
            standing.may_change(booking.programme, up, down, latest)
            or standing.stale(latest)
            or any(spend.changes_between(at, latest) for _, spend, at in mine)
        ):
            missing += standing.missing()
    await load_windows(booking.tx, booking.programme, concerned.values(), missing)
