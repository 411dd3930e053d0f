"""The facts of one complaint that its clocks are a fold of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.feedback.domain.machine import Action
from services.feedback.domain.policy import Attributes

BACKDATING_MAX: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened to the complaint, at its effective time; the id orders what happened at once."""

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
    """An action of the machine was taken."""

    action: Action


@dataclass(frozen=True, slots=True)
class Assessed(Fact):
    """What policies ask about was judged anew."""

    attributes: Attributes


@dataclass(frozen=True, slots=True)
class MergedIn(Fact):
    """Another complaint of the customer was merged into this one; its customer had been waiting since `since`."""

    since: datetime


def in_effective_order(facts: Iterable[Fact]) -> list[Fact]:
    """Each fact once, by time and id; a complaint is opened before anything else of the same instant."""
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
    """What a message is to the clocks: None if no person wrote it, nobody can read it, or it was not delivered.

    An agent's reply dated back by more than 15 minutes counts when it was written down, until a manager confirms it:
    otherwise backdating would launder breaches. A system message dated back is the mark that a merge leaves.
    """
    if kind == "system" and occurred_at < booked_at:
        return MergedIn(booked_at, id, occurred_at)
    if kind not in {"customer", "agent"} or not visible or delivery == "failed":
        return None
    if kind == "agent" and booked_at - occurred_at > BACKDATING_MAX and not confirmed:
        return Said(booked_at, id, by_customer=False)
    return Said(occurred_at, id, by_customer=kind == "customer")
