"""Sums over all members: what moved, and what they have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flow:
    """Points that moved from one account to another, all postings added up.

    `cohort` is the number of edges at or before the instant at which the points were earned. `expires`: they have a last day.
    """

    cohort: int
    expires: bool
    from_account: int
    to_account: int
    points: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The points that members had, of lots of one cohort, one bucket of expiry (the number of edges before it) and one kind of owner."""

    cohort: int
    expiry: int
    expires: bool
    erased: bool
    pending: int
    active: int
    held: int
    owed: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The pending, active, held and owed points of some members, as their postings say and as their wallets say."""

    postings: tuple[int, int, int, int]
    wallets: tuple[int, int, int, int]
