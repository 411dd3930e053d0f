"""The history of a complaint, as its clocks see it, and the names of clocks and notices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.feedback.sla.domain.facts import Fact
from services.feedback.sla.domain.verdict import NoticeKind


class ClockKey(NamedTuple):
    """The name of a clock among the clocks of all complaints."""

    complaint_id: str
    metric: str
    cycle: int
    ordinal: int


class NoticeKey(NamedTuple):
    """The name of a notice: each notice is given once."""

    clock: ClockKey
    kind: str
    level: int


def breach_of(clock: ClockKey) -> NoticeKey:
    """Return the key of the notice that a clock was breached."""
    return NoticeKey(clock, NoticeKind.BREACHED.value, 0)


@dataclass(frozen=True, slots=True)
class History:
    """The facts of one complaint, with what is published beside its clocks: identity, customer and status.

    `rules_applied` is the number of versions of the rules that had moved its running clocks when they were last folded, and
    `due_at` the earliest due time of those that ran then.
    """

    complaint_id: str
    identity_id: str
    customer_id: str
    status: str
    rules_applied: int
    due_at: datetime | None
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Escalation:
    """A level of a clock that was reached just now."""

    complaint_id: str
    metric: str
    level: int
