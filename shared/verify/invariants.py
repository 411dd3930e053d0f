"""Invariants: rules that always hold of the rows that a service stores, and functions that check them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from shared.db import Read
from shared.speech import Words
from shared.verify.event_rules import EventRule


@dataclass(frozen=True, slots=True)
class Drift:
    """A broken invariant: the rule, the row that breaks it, and the difference."""

    rule: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Findings:
    """The differences that a check found, and what else deserves to be known."""

    drifts: Sequence[Drift] = ()
    notes: Sequence[Words] = ()


@dataclass(frozen=True, slots=True)
class Looked:
    """The drifts that one look at a few rows found, and the place where the next look begins; empty at the end."""

    drifts: Sequence[Drift]
    after: str


Verify = Callable[[Read], Awaitable[Sequence[Drift]]]
"""A function that recomputes all stored rows from the facts, and returns every difference."""

Look = Callable[[Read, str], Awaitable[Looked]]
"""A function that does the same for a few rows, from the given place on. The first place is the empty text."""


@dataclass(frozen=True, slots=True)
class Invariants:
    """The rules that always hold of what a capability stores, by the names that their drifts carry."""

    rules: Sequence[str] = ()
    look: Look | None = None
    """The function that looks at the next few rows, for the running verification."""
    verify: Verify | None = None
    """The function that looks at all rows, for `huitou verify`."""
    event_rules: Sequence[EventRule] = ()
    """The rules about rows and events, for `huitou verify`."""


def combine(several: Sequence[Invariants]) -> Invariants:
    """Return the invariants of a whole service from those of its capabilities.

    The running verification looks at one capability after the other; its place is `<number of the look>/<place in it>`.
    """
    looks = [invariants.look for invariants in several if invariants.look is not None]
    verify_functions = [invariants.verify for invariants in several if invariants.verify is not None]

    async def look(read: Read, after: str) -> Looked:
        number, _, place = after.partition("/")
        at = int(number or 0)
        if at >= len(looks):  # an earlier version of the service had more capabilities
            at, place = 0, ""
        looked = await looks[at](read, place)
        if looked.after:
            return Looked(looked.drifts, f"{at}/{looked.after}")
        return Looked(looked.drifts, f"{at + 1}/" if at + 1 < len(looks) else "")

    async def verify(read: Read) -> Sequence[Drift]:
        return [drift for verify_all in verify_functions for drift in await verify_all(read)]

    rules = [rule for invariants in several for rule in invariants.rules]
    event_rules = [rule for invariants in several for rule in invariants.event_rules]
    return Invariants(rules, look if looks else None, verify, event_rules)
