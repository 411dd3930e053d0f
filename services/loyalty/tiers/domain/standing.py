"""Tiers: the level that a member's spend of the trailing window reaches, at the newest effective instant seen.

A purchase at p counts at t when p ≤ t < p + the window's months (in the programme's zone); a return counts at its
purchase's date. So the tier at an instant depends on the facts alone, not on when they were booked or swept. The thresholds
are those of the programme's version in force at that instant, so a version that comes into force may change tiers.
A fact may be dated ahead of our clock. It moves no time on: its amount waits for its instant, as others wait for theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from services.loyalty.ledger.domain import calendar
from services.loyalty.ledger.domain.programme import Programme, ProgrammeDocument
from services.loyalty.ledger.domain.wallets import Member, TierState, Wallet
from services.loyalty.tiers.domain.fold import Fold, Level
from shared.limits import CLOCKS_DIFFER_MAX

_THE_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


class Spend(NamedTuple):
    """Money that counts towards a tier from `occurred_at` until `drops_at`; a return is negative."""

    occurred_at: datetime
    drops_at: datetime
    amount_minor: int

    def counts(self, at: datetime) -> bool:
        """Return whether it counts at an instant."""
        return self.occurred_at <= at < self.drops_at

    def changes_after(self, at: datetime) -> datetime | None:
        """Return when it next begins or ceases to count, later than an instant; None if it does neither."""
        return next((moment for moment in (self.occurred_at, self.drops_at) if moment > at), None)

    def changes_between(self, after: datetime, until: datetime) -> bool:
        """Return whether it begins or ceases to count later than `after` and not later than `until`."""
        changes_at = self.changes_after(after)
        return changes_at is not None and changes_at <= until


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
    """The standing of a member: the tier's code and begin, and the earliest instant at which time alone may change it.

    `windows` holds the amounts that count or will count, per wallet (by id), only for the wallets whose window was loaded. Where the
    programme counts otherwise than the spend of a rolling window, `fold` decides the tier, and all windows are loaded beside it.
    """

    member: Member
    tier: str
    since: datetime | None
    due_at: datetime | None
    windows: dict[int, list[Spend]]
    fold: Fold | None = None

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

    def level(self, programme: Programme, at: datetime) -> Level:
        """Return the level at an instant to which the standing was advanced."""
        if self.fold is not None:
            return self.fold.at(at)
        version, spend = programme.version_at(at), self.spend()
        reached = version.document.level_of(spend)
        return Level(at, version, reached, reached, spend, spend, None, None)

    def missing(self) -> list[Wallet]:
        """Return the wallets with amounts that count, or will count, and are not loaded."""
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

    def may_change(self, programme: Programme, up_minor: int, down_minor: int, until: datetime) -> bool:
        """Return whether purchases of `up_minor`, returns of `down_minor` or a version of the programme may change the tier.

        They count, or are in force, from the frontier to `until`. Then all windows must be loaded.
        """
        if programme.folds:
            return True
        low, high = self.spend() - down_minor, self.spend() + up_minor
        return any(
            document.tier_of(spend).code != self.tier
            for document in _in_force(programme, self.frontier() or until, until)
            for spend in (low, high)
        )

    def is_restated(self, programme: Programme, at: datetime) -> bool:
        """Return whether a version that came into force since the frontier changes the tier, if no spend drops out."""
        frontier = self.frontier()
        if programme.folds:
            return frontier is not None and bool(programme.begun(frontier, at))
        return frontier is not None and any(
            version.document.tier_of(self.spend()).code != self.tier
            for version in programme.begun(frontier, at)
        )


def spend_of(programme: Programme, occurred_at: datetime, amount_minor: int) -> Spend:
    """Return what a purchase at `occurred_at` counts for, and until when."""
    months, zone = programme.window_months, programme.zone_info
    return Spend(occurred_at, calendar.plus_months(occurred_at, months, zone), amount_minor)


def seen_at(at: datetime, now: datetime) -> datetime:
    """Return the instant to which a fact moves time on.

    A fact that is dated a little ahead moves it no further than our clock. No fact is taken that is further ahead than
    clocks differ, so such a fact tells that our own clock is behind, and is believed.
    """
    return min(at, now) if at <= now + CLOCKS_DIFFER_MAX else at


class OrderMoved(NamedTuple):
    """The order (row id) that an amount is of. `closes`: the last unit of it went back."""

    order_id: int
    closes: bool


def count(
    standing: Standing,
    programme: Programme,
    wallet: Wallet,
    spend: Spend,
    at: datetime,
    order: OrderMoved | None = None,
) -> list[TierChange]:
    """Count a purchase or (negative) a return that happened at `at`; return the changes of tier on the way.

    `at` is not later than our clock. An amount that is dated ahead of both is kept until its instant.
    """
    frontier = standing.frontier()
    reached = at if frontier is None else max(frontier, at)
    changes = advance(standing, programme, reached)
    wallet.spend_at = reached
    if (changes_at := spend.changes_after(reached)) is not None:
        if wallet.spend_drop_at is None:
            standing.windows[wallet.id] = []  # nothing counts yet, so the window is known
        if spend.counts(reached):
            wallet.spend += spend.amount_minor
        wallet.spend_drop_at = min(wallet.spend_drop_at or changes_at, changes_at)
        if wallet.id in standing.windows:
            standing.windows[wallet.id].append(spend)
    if standing.fold is not None and order is not None:
        standing.fold.add(order.order_id, spend.occurred_at, spend.amount_minor, closes=order.closes)
    return changes + list(_restate(standing, programme, reached))


def advance(standing: Standing, programme: Programme, at: datetime) -> list[TierChange]:
    """Let amounts come into the window and drop out of it, and versions come into force, up to `at`.

    Return the changes, each at its own instant. The windows of `standing.stale(at)` must be loaded, and all windows if the
    standing `is_restated`.
    """
    assert not standing.stale(at), "a window that moves must be loaded"
    changes: list[TierChange] = []
    wallets = {wallet.id: wallet for wallet in standing.member.wallets}
    moments = {
        moment
        for wallet_id, window in standing.windows.items()
        for spend in window
        for moment in (spend.occurred_at, spend.drops_at)
        if _counted_until(wallets[wallet_id]) < moment <= at
    }
    frontier = standing.frontier()
    begun = programme.begun(frontier, at) if frontier is not None else ()
    if standing.fold is not None and frontier is not None:
        moments.update(standing.fold.moments(frontier, at))
    for moment in sorted(moments | {version.begins for version in begun}):
        for wallet_id, window in standing.windows.items():
            wallet = wallets[wallet_id]
            if _counted_until(wallet) < moment and any(
                moment in (spend.occurred_at, spend.drops_at) for spend in window
            ):
                left = [spend for spend in window if spend.drops_at > moment]
                wallet.spend = sum(spend.amount_minor for spend in left if spend.counts(moment))
                wallet.spend_at = moment
                wallet.spend_drop_at = _next_change(left, moment)
                standing.windows[wallet_id] = left
        changes += _restate(standing, programme, moment)
    if standing.due_at is not None and standing.due_at <= at:
        _look_ahead(standing, programme, at)  # the version for which it was due may have been withdrawn
    return changes


def _in_force(programme: Programme, since: datetime, until: datetime) -> list[ProgrammeDocument]:
    """Return what is promised at some time between two instants."""
    return [programme.at(since), *(version.document for version in programme.begun(since, until))]


def _counted_until(wallet: Wallet) -> datetime:
    return wallet.spend_at or _THE_BEGINNING


def _next_change(window: Iterable[Spend], at: datetime) -> datetime | None:
    """Return when the next amount of a window begins or ceases to count; None if none does."""
    moments = (spend.changes_after(at) for spend in window)
    return min((moment for moment in moments if moment is not None), default=None)


def rejoin(standing: Standing, programme: Programme, at: datetime) -> list[TierChange]:
    """Restate the tier of a member whose wallets changed; all stale windows at the frontier must be loaded.

    The wallets that came may bring spend of before a version of the programme. The tier is by the version of now, also if it stays
    what it was, so the frontier moves on to it.
    """
    frontier = standing.frontier()
    reached = max(frontier or at, at)
    changes = advance(standing, programme, reached) + list(_restate(standing, programme, reached))
    if frontier is not None and programme.begun(frontier, reached):
        _reach(standing, reached)
    return changes


def standing_of(member: Member, stored: TierState | None, programme: Programme) -> Standing:
    """Return the standing of a member by its stored tier (None: the lowest), without any window."""
    if stored is None:
        return Standing(member, programme.lowest, None, None, {})
    return Standing(member, stored.tier, stored.since, stored.due_at, {})


class TierEnd(NamedTuple):
    """The instant at which a tier ends without further purchases, with what is promised and the spend that counts then."""

    at: datetime
    document: ProgrammeDocument
    spend_minor: int


def falls_to(fold: Fold, tier: str, after: datetime) -> Level | None:
    """Return the first level after an instant that is below a tier, without further purchases; None: there is none."""
    return next(
        (
            level
            for level in fold.ahead(after)
            if level.shown < level.document.levels.get(tier, len(level.document.tiers))
        ),
        None,
    )


def end_of(standing: Standing, programme: Programme) -> TierEnd | None:
    """Return how the tier ends without further purchases, by the versions that are published; None: it does not end.

    All windows must be loaded.
    """
    if standing.fold is not None:
        fall = falls_to(standing.fold, standing.tier, standing.frontier() or _THE_BEGINNING)
        return fall and TierEnd(fall.at, fall.document, fall.spend_minor)
    for moment, document, spend in _ahead(standing, programme):
        levels = [tier.code for tier in document.tiers]
        if standing.tier not in levels or document.level_of(spend) < levels.index(standing.tier):
            return TierEnd(moment, document, spend)
    return None


def _ahead(standing: Standing, programme: Programme) -> Iterator[tuple[datetime, ProgrammeDocument, int]]:
    """Yield the instants after the frontier at which time changes something, with the version and the spend from then on."""
    assert not standing.missing(), "all windows must be loaded to know when the tier ends"
    frontier = standing.frontier() or _THE_BEGINNING
    ahead = [spend for window in standing.windows.values() for spend in window]
    moments = {moment for spend in ahead for moment in (spend.occurred_at, spend.drops_at)}
    moments |= {version.begins for version in programme.later(frontier)}
    for moment in sorted(moment for moment in moments if moment > frontier):
        counted = sum(spend.amount_minor for spend in ahead if spend.counts(moment))
        yield moment, programme.at(moment), counted


def _refold(standing: Standing, fold: Fold, at: datetime) -> Iterator[TierChange]:
    """Bring the tier up to what the fold says at an instant, to which time moves on."""
    level, previous = fold.at(at), standing.tier
    _reach(standing, at)
    if level.tier.code != previous:
        standing.tier, standing.since = level.tier.code, at
        end = falls_to(fold, standing.tier, at)
        yield TierChange(
            standing.member.owner_id, previous, standing.tier, at, level.spend_minor, end and end.at
        )
    _look_ahead_in(standing, fold, at)


def _look_ahead_in(standing: Standing, fold: Fold, at: datetime) -> None:
    changes = (level.at for level in fold.ahead(at) if level.tier.code != standing.tier)
    standing.due_at = next(changes, None)


def _restate(standing: Standing, programme: Programme, at: datetime) -> Iterator[TierChange]:
    if standing.fold is not None:
        yield from _refold(standing, standing.fold, at)
        return
    tier = programme.at(at).tier_of(standing.spend()).code
    _look_ahead(standing, programme, at)
    if tier != standing.tier:
        _reach(standing, at)
        previous, standing.tier, standing.since = standing.tier, tier, at
        end = end_of(standing, programme)
        standing.due_at = next(
            (
                moment
                for moment, document, spend in _ahead(standing, programme)
                if document.tier_of(spend).code != tier
            ),
            None,
        )
        yield TierChange(standing.member.owner_id, previous, tier, at, standing.spend(), end and end.at)


def _reach(standing: Standing, at: datetime) -> None:
    """Move the newest instant seen on to `at`, so that the stored tier is by the version in force then."""
    newest = max(standing.member.wallets, key=_counted_until)
    newest.spend_at = max(_counted_until(newest), at)


def _restated_from(standing: Standing, programme: Programme, at: datetime) -> datetime | None:
    """Return when a version that is published comes into force and changes the tier, if no spend drops out; None: none does."""
    spend, later = standing.spend(), programme.later(at)
    changing = (version.begins for version in later if version.document.tier_of(spend).code != standing.tier)
    return next(changing, None)


def _look_ahead(standing: Standing, programme: Programme, at: datetime) -> None:
    """Bring the lower bound of the next change up to date.

    No member falls below the lowest tier, and only what is dated a little ahead can raise a member with time.
    """
    if standing.fold is not None:
        _look_ahead_in(standing, standing.fold, at)
        return
    due_at = min(
        (wallet.spend_drop_at for wallet in standing.member.wallets if wallet.spend_drop_at is not None),
        default=None,
    )
    is_lowest = standing.tier == programme.lowest
    if is_lowest and due_at is not None and due_at > at + CLOCKS_DIFFER_MAX:
        due_at = None
    moments = (due_at, _restated_from(standing, programme, at))
    standing.due_at = min((moment for moment in moments if moment is not None), default=None)
