"""Whether a customer waits for a response, told from the facts alone and apart from the fold of the clocks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.feedback.sla.domain.facts import (
    Assessed,
    Fact,
    MergedIn,
    Milestone,
    Moved,
    Opened,
    Said,
    in_effective_order,
)
from services.feedback.sla.domain.policy import Attributes, Metric

ENDS = frozenset({Milestone.CLOSED, Milestone.WITHDRAWN, Milestone.REJECTED, Milestone.MERGED})


@dataclass(frozen=True, slots=True)
class Wait:
    """A customer waits for this response since an instant, in this cycle of the complaint."""

    metric: Metric
    cycle: int
    since: datetime
    attributes: Attributes


def waiting(facts: Iterable[Fact]) -> Wait | None:
    """Return what the customer waits for; None if somebody answered the last word of the customer, or it is over."""
    wait: Wait | None = None
    cycle, is_open, attributes = 0, False, None
    for fact in in_effective_order(facts):
        if isinstance(fact, Opened | Assessed):
            attributes = fact.attributes
        begins = isinstance(fact, Opened) or (
            isinstance(fact, Moved) and fact.milestone is Milestone.REOPENED
        )
        if begins and attributes is not None:
            cycle, is_open = cycle + 1, True
            # What the customer still waited for at a second opening goes on, as its clock does.
            wait = wait or Wait(Metric.FIRST_RESPONSE, cycle, fact.at, attributes)
        elif is_open and attributes is not None:
            match fact:
                case Said(by_customer=True) | MergedIn():
                    wait = wait or Wait(Metric.NEXT_RESPONSE, cycle, fact.at, attributes)
                case Said():
                    wait = None
                case Moved(milestone=Milestone.ANSWERED):
                    wait = None
                case Moved() if fact.milestone in ENDS:
                    wait, is_open = None, False
    return wait
