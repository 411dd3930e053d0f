"""The invariants of complaints and their clocks."""

from collections.abc import Sequence
from typing import Final

from services.feedback.complaints.domain.machine import Action, Status
from services.feedback.complaints.storage import complaints, transitions
from services.feedback.complaints.storage.histories import histories_of
from services.feedback.sla.queries import drifts as clocks
from shared.db import Read
from shared.service import Drift, Invariants, Looked

PAGE_MAX: Final = 1_000
LOOK_MAX: Final = 25
"""Complaints of one look of the running verification."""

LAST_TRANSITION: Final = "a complaint is where its last transition brought it"
REGISTERED: Final = "every complaint's identity is registered"


async def verify(read: Read) -> Sequence[Drift]:
    """Recompute the clocks and states of every complaint, a page at a time, and look for unregistered identities."""
    drifts: list[Drift] = []
    after = ""
    while page := await complaints.ids_after(read, after, PAGE_MAX):
        after = page[-1]
        drifts += await _of_complaints(read, page)
    return drifts + await _unregistered(read)


async def look(read: Read, after: str) -> Looked:
    """Recompute the next few complaints after this one; a pass begins with the unregistered identities of all."""
    page = await complaints.ids_after(read, after, LOOK_MAX)
    drifts = await _unregistered(read) if after == "" else []
    if page:
        drifts += await _of_complaints(read, page)
    return Looked(drifts, page[-1] if len(page) == LOOK_MAX else "")


async def _of_complaints(read: Read, complaint_ids: Sequence[str]) -> list[Drift]:
    drifts = await clocks.drifts(read, await histories_of(read, complaint_ids))
    return drifts + await _states(read, complaint_ids)


async def _states(read: Read, complaint_ids: Sequence[str]) -> list[Drift]:
    """Return the complaints that are in another state or cycle than their transitions lead to."""
    last: dict[str, str] = {}
    cycles: dict[str, int] = {}
    for transition in await transitions.facts(read, complaint_ids):
        last[transition.complaint_id] = transition.to_status
        reopened = transition.action == Action.REOPEN.value
        cycles[transition.complaint_id] = cycles.get(transition.complaint_id, 1) + reopened
    drifts = []
    for complaint in await complaints.states(read, complaint_ids):
        status = last.get(complaint.id, Status.RECEIVED.value)
        cycle = cycles.get(complaint.id, 1)
        if (complaint.status, complaint.cycle) != (status, cycle):
            drifts.append(Drift(LAST_TRANSITION, complaint.id, f"{status} in cycle {cycle}"))
    return drifts


async def _unregistered(read: Read) -> list[Drift]:
    missing = await complaints.count_unregistered(read)
    return [Drift(REGISTERED, "complaint", f"{missing} are not")] if missing else []


INVARIANTS = Invariants((*clocks.RULES, LAST_TRANSITION, REGISTERED), look, verify)
