"""Tiers: the level that a member's spend of the trailing window reaches, at the newest effective instant seen.

A purchase at p counts at t when p ≤ t < p + the window's months (in the programme's zone); a return counts at its
purchase's date. So the tier at an instant depends on the facts alone, not on when they were booked or swept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.loyalty.ledger.domain import calendar
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.domain.wallets import Member, TierState, Wallet


class Spend(NamedTuple):
    """Money that counts towards a tier from `occurred_at` until `drops_at`; a return is negative."""

    occurred_at: datetime
    drops_at: datetime
    amount_minor: int


class TierChange(NamedTuple):
    """A member went from one tier to another at an instant of effective time, with this spend (minor units).

    `valid_until` is when the new tier ends without further purchases; None if it does not end by itself.
    """

    owner_id: str
    previous: str
    tier: str
    at: datetime
    spend_minor: int
    valid_until: datetime | None


@dataclass(slots=True, eq=False)
class Standing:
    """The standing of a member: the tier's code and begin, and the earliest instant at which a drop-out may change it.

    `windows` holds the amounts that count, per wallet (by id), only for the wallets whose window was loaded.
    """

    member: Member
    tier: str
    since: datetime | None
    due_at: datetime | None
    windows: dict[int, list[Spend]]

    def state(self) -> TierState:
        """Return what is stored of the standing."""
        return TierState(self.member.owner_id, self.tier, self.since, self.due_at)

    def frontier(self) -> datetime | None:
        """Return the newest effective instant seen; None before the first purchase."""
        return max(
            (wallet.spend_at for wallet in self.member.wallets if wallet.spend_at is not None), default=None
        )

    def spend(self) -> int:
        """Return the spend that counts at the frontier, in minor units."""
        return sum(wallet.spend for wallet in self.member.wallets)

    def missing(self) -> list[Wallet]:
        """Return the wallets with amounts that count and are not loaded."""
        return [
            wallet
            for wallet in self.member.wallets
            if wallet.spend_drop_at is not None and wallet.id not in self.windows
        ]

    def stale(self, at: datetime) -> list[Wallet]:
        """Return the wallets whose window must be loaded before the standing can be moved on to `at`."""
        missing = self.missing()
        is_stale = any(wallet.spend_drop_at is not None and wallet.spend_drop_at <= at for wallet in missing)
        return missing if is_stale else []

    def may_change(self, programme: Programme, up_minor: int, down_minor: int) -> bool:
        """Return whether purchases of `up_minor` and returns of `down_minor` may change the tier; then load all windows."""
        low, high = programme.level_of(self.spend() - down_minor), programme.level_of(self.spend() + up_minor)
        return programme.tiers[low].code != self.tier or programme.tiers[high].code != self.tier


def spend_of(programme: Programme, occurred_at: datetime, amount_minor: int) -> Spend:
    """Return what a purchase at `occurred_at` counts for, and until when."""
    months, zone = programme.window_months, programme.zone_info
    return Spend(occurred_at, calendar.plus_months(occurred_at, months, zone), amount_minor)


def count(
    standing: Standing, programme: Programme, wallet: Wallet, spend: Spend, at: datetime
) -> list[TierChange]:
    """Count a purchase or (negative) a return that happened at `at`; return the changes of tier on the way."""
    frontier = standing.frontier()
    reached = at if frontier is None else max(frontier, at)
    changes = advance(standing, programme, reached)
    wallet.spend_at = reached
    if spend.drops_at > reached:
        if wallet.spend_drop_at is None:
            standing.windows[wallet.id] = []  # nothing counts yet, so the window is known
        wallet.spend += spend.amount_minor
        wallet.spend_drop_at = min(wallet.spend_drop_at or spend.drops_at, spend.drops_at)
        if wallet.id in standing.windows:
            standing.windows[wallet.id].append(spend)
    return changes + list(_restate(standing, programme, reached))


def advance(standing: Standing, programme: Programme, at: datetime) -> list[TierChange]:
    """Drop amounts that are older than the window at `at`; return the changes, each at the instant of its drop-out.

    The windows of `standing.stale(at)` must be loaded.
    """
    assert not standing.stale(at), "a window that moves must be loaded"
    changes: list[TierChange] = []
    wallets = {wallet.id: wallet for wallet in standing.member.wallets}
    drops = {
        spend.drops_at for window in standing.windows.values() for spend in window if spend.drops_at <= at
    }
    for drops_at in sorted(drops):
        for wallet_id, window in standing.windows.items():
            wallet, left = wallets[wallet_id], [spend for spend in window if spend.drops_at > drops_at]
            if len(left) < len(window):
                wallet.spend = sum(spend.amount_minor for spend in left)
                wallet.spend_at = drops_at
                wallet.spend_drop_at = min((spend.drops_at for spend in left), default=None)
                standing.windows[wallet_id] = left
        changes += _restate(standing, programme, drops_at)
    return changes


def rejoin(standing: Standing, programme: Programme, at: datetime) -> list[TierChange]:
    """Restate the tier of a member whose wallets changed; all stale windows at the frontier must be loaded."""
    reached = max(standing.frontier() or at, at)
    return advance(standing, programme, reached) + list(_restate(standing, programme, reached))


def standing_of(member: Member, stored: TierState | None, programme: Programme) -> Standing:
    """Return the standing of a member by its stored tier (None: the lowest), without any window."""
    if stored is None:
        return Standing(member, programme.tiers[0].code, None, None, {})
    return Standing(member, stored.tier, stored.since, stored.due_at, {})


def ends_at(standing: Standing, programme: Programme) -> datetime | None:
    """Return when the tier ends without further purchases; None: it is the lowest. All windows must be loaded."""
    level = programme.level_of(standing.spend())
    assert not standing.missing(), "all windows must be loaded to know when the tier ends"
    ahead = [spend for window in standing.windows.values() for spend in window]
    for drops_at in sorted({spend.drops_at for spend in ahead}):
        left = sum(spend.amount_minor for spend in ahead if spend.drops_at > drops_at)
        if programme.level_of(left) < level:
            return drops_at
    return None


def _restate(standing: Standing, programme: Programme, at: datetime) -> Iterator[TierChange]:
    tier = programme.tiers[programme.level_of(standing.spend())].code
    _look_ahead(standing, programme)
    if tier != standing.tier:
        previous, standing.tier, standing.since = standing.tier, tier, at
        standing.due_at = ends_at(standing, programme)
        yield TierChange(standing.member.owner_id, previous, tier, at, standing.spend(), standing.due_at)


def _look_ahead(standing: Standing, programme: Programme) -> None:
    """Bring the lower bound of the next change up to date: no member falls below the lowest tier."""
    drops = (wallet.spend_drop_at for wallet in standing.member.wallets if wallet.spend_drop_at is not None)
    is_lowest = standing.tier == programme.tiers[0].code
    standing.due_at = None if is_lowest else min(drops, default=None)
