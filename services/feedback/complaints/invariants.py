"""The invariants of complaints and their clocks."""

from collections.abc import Sequence
from typing import Final

from services.feedback.complaints.domain.machine import (
    ComplaintAction,
    ComplaintOutcome,
    ComplaintStatus,
    reopens,
)
from services.feedback.complaints.storage import complaints, messages, transitions
from services.feedback.complaints.storage.histories import histories_of
from services.feedback.sla.queries import clocks, drifts
from shared.db import Read
from shared.events.feedback import (
    ComplaintAnswered,
    ComplaintClosed,
    ComplaintOpened,
    ComplaintReopened,
)
from shared.service import Drift, Invariants, Looked
from shared.speech import words
from shared.verify.event_rules import EventRule, Fact, read_rows

PAGE_MAX: Final = 1_000
LOOK_MAX: Final = 25
"""Complaints of one look of the running verification."""

LAST_TRANSITION: Final = "complaint_is_where_its_last_transition_led"
REGISTERED: Final = "identity_is_registered"
TAKEN_UP: Final = "message_of_a_customer_is_taken_up"
"""A customer's message after the end reopens the complaint, or goes to another one: it is never left unanswered."""
CLOCK_OF_COMPLAINT: Final = "clock_belongs_to_a_complaint"
"""Clocks are in a lower capability, so no foreign key leads from them to complaints: this rule is in its place."""


async def verify(read: Read) -> Sequence[Drift]:
    """Recompute the clocks and states of every complaint, a page at a time, and look for rows that belong to none."""
    found: list[Drift] = []
    after = ""
    while page := await complaints.ids_after(read, after, PAGE_MAX):
        after = page[-1]
        found += await _of_complaints(read, page)
    return [*found, *await _without_complaint(read, "", None), *await _unregistered(read)]


async def look(read: Read, after: str) -> Looked:
    """Recompute the next few complaints after this one; a pass begins with the unregistered identities of all."""
    page = await complaints.ids_after(read, after, LOOK_MAX)
    found = await _unregistered(read) if after == "" else []
    if page:
        found += await _of_complaints(read, page)
    last = page[-1] if len(page) == LOOK_MAX else None
    found += await _without_complaint(read, after, last)
    return Looked(found, last or "")


async def _of_complaints(read: Read, complaint_ids: Sequence[str]) -> list[Drift]:
    of_clocks = await drifts.drifts(read, await histories_of(read, complaint_ids))
    return [*of_clocks, *await _states(read, complaint_ids), *await _left(read, complaint_ids)]


async def _left(read: Read, complaint_ids: Sequence[str]) -> list[Drift]:
    """Return the closed complaints to which a customer wrote after the end, while they could be reopened."""
    ends = await messages.after_the_end(read, complaint_ids)
    return [
        Drift(TAKEN_UP, late.complaint_id, words(__name__, "drift_message_left", at=late.booked_at))
        for late in ends
        if reopens(ComplaintOutcome(late.outcome), late.closed_at, late.booked_at)
    ]


async def _states(read: Read, complaint_ids: Sequence[str]) -> list[Drift]:
    """Return the complaints that are in another state or cycle than their transitions lead to."""
    last: dict[str, str] = {}
    cycles: dict[str, int] = {}
    for transition in await transitions.facts(read, complaint_ids):
        last[transition.complaint_id] = transition.to_status
        reopened = transition.action == ComplaintAction.REOPEN.value
        cycles[transition.complaint_id] = cycles.get(transition.complaint_id, 1) + reopened
    found = []
    for complaint in await complaints.states(read, complaint_ids):
        status = last.get(complaint.id, ComplaintStatus.RECEIVED.value)
        cycle = cycles.get(complaint.id, 1)
        if (complaint.status, complaint.cycle) != (status, cycle):
            found.append(
                Drift(
                    LAST_TRANSITION,
                    complaint.id,
                    words(__name__, "drift_status_in_cycle", status=status, cycle=cycle),
                )
            )
    return found


async def _without_complaint(read: Read, after: str, until: str | None) -> list[Drift]:
    """Return the ids above `after` and up to `until` (None: all) that clocks or notices name and no complaint has."""
    found: list[Drift] = []
    while named := await clocks.complaints_named(read, after, until, PAGE_MAX):
        after = named[-1]
        known = await complaints.identities(read, named)
        found += [
            Drift(CLOCK_OF_COMPLAINT, complaint_id, words(__name__, "drift_no_complaint"))
            for complaint_id in named
            if complaint_id not in known
        ]
    return found


async def _unregistered(read: Read) -> list[Drift]:
    missing = await complaints.count_unregistered(read)
    return (
        [Drift(REGISTERED, "complaint", words(__name__, "drift_unregistered", missing=missing))]
        if missing
        else []
    )


def _opened(event: ComplaintOpened) -> Fact:
    return Fact(event.complaint_id)


def _moved(event: ComplaintAnswered | ComplaintClosed | ComplaintReopened) -> Fact:
    return Fact(event.cause.id)


INVARIANTS = Invariants(
    (*drifts.RULES, TAKEN_UP, LAST_TRANSITION, REGISTERED, CLOCK_OF_COMPLAINT),
    look,
    verify,
    (
        EventRule("complaint_has_its_event", {ComplaintOpened: _opened}, read_rows(complaints.OPENED)),
        EventRule(
            "transition_has_its_event",
            {ComplaintAnswered: _moved, ComplaintClosed: _moved, ComplaintReopened: _moved},
            read_rows(transitions.TOLD),
        ),
    ),
)
