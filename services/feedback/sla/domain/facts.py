"""The facts of a complaint from which its clocks are folded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from services.feedback.sla.domain.policy import Attributes

BACKDATING_MAX: Final = timedelta(minutes=15)


class Milestone(StrEnum):
    """A step in the handling of a complaint that starts, pauses or ends clocks."""

    WAITING = "waiting"
    RESUMED = "resumed"
    ANSWERED = "answered"
    FOLLOWED_UP = "followed_up"
    ANSWER_REFUSED = "answer_refused"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    MERGED = "merged"
    """This complaint was merged into another one."""
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened to the complaint, at its effective time; the id orders facts of the same time."""

    at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Opened(Fact):
    """The customer made contact, with what was known of the complaint then."""

    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Said(Fact):
    """A person wrote what the other side can read: the customer, or an agent."""

    by_customer: bool


@dataclass(frozen=True, slots=True)
class Moved(Fact):
    """The complaint reached a milestone."""

    milestone: Milestone


@dataclass(frozen=True, slots=True)
class Assessed(Fact):
    """The attributes that policies ask about were judged anew."""

    attributes: Attributes


@dataclass(frozen=True, slots=True)
class MergedIn(Fact):
    """Another complaint of the customer was merged into this one; the customer had been waiting since `since`."""

    since: datetime


def in_effective_order(facts: Iterable[Fact]) -> list[Fact]:
    """Return each fact once, sorted by time and id; of one instant, the opening comes first."""
    return sorted(dict.fromkeys(facts), key=lambda fact: (fact.at, not isinstance(fact, Opened), fact.id))


def said(
    *,
    id: str,
    kind: str,
    visible: bool,
    delivery: str,
    occurred_at: datetime,
    booked_at: datetime,
    confirmed: bool,
) -> Said | MergedIn | None:
    """Return the fact that a message is; None if no person wrote it, the other side cannot read it, or it failed.

    An agent's reply that was dated back by more than 15 minutes counts when it was booked, until a manager confirms
    it: otherwise backdating would erase breaches. A system message that was dated back marks a merge.
    """
    if kind == "system" and occurred_at < booked_at:
        return MergedIn(booked_at, id, occurred_at)
    if kind not in {"customer", "agent"} or not visible or delivery == "failed":
        return None
    if kind == "agent" and booked_at - occurred_at > BACKDATING_MAX and not confirmed:
        return Said(booked_at, id, by_customer=False)
    return Said(occurred_at, id, by_customer=kind == "customer")
