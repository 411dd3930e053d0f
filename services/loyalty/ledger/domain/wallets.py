"""The working state of the ledger: wallets, their lots, and the members that own them.

These are the only mutable objects of the domain. They are loaded under the wallets' lock, changed by posting
alone (`journal.py`), and stored again; all their amounts can be re-derived from postings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import NamedTuple

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True, eq=False)
class Wallet:
    """The points of one identity; `owner_id` is the customer that owns them today.

    `next_due_at` is a lower bound of the next activation, expiry or end of a hold (None: nothing will fall due). `spend` is the
    trailing window of the tiers as of `spend_at`, in minor units; `spend_drop_at` a lower bound of the instant at
    which something leaves it. `group_size` says how many wallets the owner has.
    """

    id: int
    identity_id: str
    owner_id: str
    last_booked_at: datetime
    ownership_version: int = 0
    erased_at: datetime | None = None
    group_size: int = 1
    active: int = 0
    pending: int = 0
    held: int = 0
    owed: int = 0
    next_due_at: datetime | None = None
    spend: int = 0
    spend_at: datetime | None = None
    spend_drop_at: datetime | None = None


@dataclass(slots=True, eq=False)
class Lot:
    """Points with one origin: one cause times one rule.

    Facts: `issued` points were granted on an amount of `base` (minor units) of the `eligible` lines (None: all). Where they
    count for a cap of the member, `wanted` is what the rule wanted before the cap, `cap` the outermost cap, and `cap_from`
    the first day of its period. `origin_lot_id` is the lot that a gift came from, or that a common
    cap had cut and an unmerge granted these points for.
    Projection: pending until `available_at`, then remaining (spendable), held, expired at `expires_at`, reversed by
    returns. `owed` is a deficit that this lot caused and that no lot has paid yet. `covered` is the part of its deficit
    that other lots paid; `payers` are these lots, in the order in which they paid.
    """

    id: int
    wallet: Wallet
    rule: str
    rulebook: int
    issued: int
    base: int
    earned_at: datetime
    purchase_id: int | None = None
    origin_lot_id: int | None = None
    eligible: tuple[int, ...] | None = None
    available_at: datetime | None = None
    expires_at: datetime | None = None
    pending: int = 0
    remaining: int = 0
    held: int = 0
    expired: int = 0
    reversed: int = 0
    owed: int = 0
    covered: int = 0
    wanted: int | None = None
    cap: str | None = None
    cap_from: date | None = None
    budget: str | None = None
    """The budget of all members that the points come from, in the period that begins on `budget_from`."""
    budget_from: date | None = None
    activity_id: int | None = None
    """The activity that earned it, where that was no purchase."""
    slides: bool | None = None
    """Whether activities of the member move its expiry (None: no)."""
    term_id: int | None = None
    """The term that moved its expiry last (None: it has that of its grant)."""
    payers: list[Cover] = field(default_factory=list)

    def is_expired(self, now: datetime) -> bool:
        """Return whether the lot is past its expiry, booked or not."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True)
class Term:
    """The expiry of a lot moved ahead because of an activity of its member, which occurred at `occurred_at`."""

    id: int
    lot_id: int
    wallet_id: int
    former_expires_at: datetime
    expires_at: datetime
    occurred_at: datetime
    booked_at: datetime


@dataclass(slots=True, eq=False)
class Cover:
    """`points` of another lot's deficit that `payer` paid and did not get back yet."""

    payer: Lot
    points: int


class HoldEnd(StrEnum):
    """The ways in which a hold ends, each once."""

    COMMITTED = "committed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class HeldPoints(NamedTuple):
    """The points that a hold took out of a lot."""

    lot: Lot
    points: int


@dataclass(slots=True, eq=False)
class Hold:
    """Points that are set aside for a cart until `expires_at`, unless the hold ends before (`ended_as` None: it has not).

    `wallet` is that of the identity that asked for it. `parts` are the lots that the points came from, in their order: the first
    lot has the positions 1..n, and so on.
    """

    id: int
    wallet: Wallet
    expires_at: datetime
    parts: tuple[HeldPoints, ...]
    ended_as: HoldEnd | None = None
    ended_at: datetime | None = None
    end_booked_at: datetime | None = None

    @property
    def points(self) -> int:
        """Return the points of all parts."""
        return sum(part.points for part in self.parts)

    @property
    def wallets(self) -> set[int]:
        """Return the ids of the wallets that the hold concerns: its own, and those of its lots."""
        return {self.wallet.id, *(part.lot.wallet.id for part in self.parts)}


@dataclass(slots=True, eq=False)
class Member:
    """A customer in the programme: all wallets with one owner, and those of their lots and open holds that are loaded."""

    owner_id: str
    wallets: list[Wallet]
    lots: dict[int, Lot] = field(default_factory=dict)
    lots_complete: bool = False
    holds: dict[int, Hold] = field(default_factory=dict)
    holds_complete: bool = False

    def balance(self) -> Points:
        """Return the points of all wallets, as they are booked."""
        return Points(
            active=sum(wallet.active - wallet.owed for wallet in self.wallets),
            pending=sum(wallet.pending for wallet in self.wallets),
            held=sum(wallet.held for wallet in self.wallets),
        )

    def owes(self) -> bool:
        """Return whether a return took more points than were there."""
        return any(wallet.owed for wallet in self.wallets)

    def has_held(self) -> bool:
        """Return whether points of the member are held."""
        return any(wallet.held for wallet in self.wallets)

    def may_hold(self) -> bool:
        """Return whether the member may have open holds. A hold without points shows only by the instant at which it ends."""
        return self.has_held() or any(wallet.next_due_at is not None for wallet in self.wallets)

    def is_due(self, now: datetime) -> bool:
        """Return whether points may fall due by `now`, or a hold may end."""
        return any(wallet.next_due_at is not None and wallet.next_due_at <= now for wallet in self.wallets)

    def spendable(self) -> list[Lot]:
        """Return the lots with spendable points, in the order in which they are consumed."""
        return sorted((lot for lot in self.lots.values() if lot.remaining), key=consumption_order)


@dataclass(frozen=True, slots=True)
class Points:
    """The points of a member. `active` is less any deficit and may be negative after a return."""

    active: int
    pending: int
    held: int


@dataclass(frozen=True, slots=True)
class TierState:
    """The tier of a member as it is stored; `due_at` is the earliest instant at which it may end (None: never)."""

    owner_id: str
    tier: str
    since: datetime | None
    due_at: datetime | None


def consumption_order(lot: Lot) -> tuple[datetime, datetime, int]:
    """Return the sort key of consumption: lots that expire first are spent first, then lots that were earned first."""
    return lot.expires_at or NEVER, lot.earned_at, lot.id


def next_due(lot: Lot) -> datetime | None:
    """Return the instant of the lot's next activation or expiry; None if there will be none."""
    if lot.pending:
        return lot.available_at
    return lot.expires_at if lot.remaining else None
