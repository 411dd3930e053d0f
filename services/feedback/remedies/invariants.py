"""The invariants of remedies."""

from collections.abc import Sequence
from typing import Final

from services.feedback.complaints.queries.complaints import identities_of_complaints
from services.feedback.remedies.domain import RemedyStatus
from services.feedback.remedies.storage import remedies
from services.feedback.remedies.storage.tables import RemedyRecord
from shared.db import Read
from shared.events.feedback import RemedyGranted, RemedySettled
from shared.service import Drift, Invariants, Looked
from shared.speech import words
from shared.verify.event_rules import EventRule, Fact, read_rows

PAGE_MAX: Final = 1_000
LOOK_MAX: Final = 50
"""Remedies of one look of the running verification."""

SETTLED_BY_TRANSACTION: Final = "remedy_is_settled_by_a_transaction"
REMEDY_OF_COMPLAINT: Final = "remedy_belongs_to_a_complaint"
"""Complaints are another capability, so no foreign key leads to them: this rule is in its place."""


async def verify(read: Read) -> Sequence[Drift]:
    """Check every remedy, a page at a time."""
    found: list[Drift] = []
    after = ""
    while page := await remedies.page(read, after, PAGE_MAX):
        after = page[-1].id
        found += await _check(read, page)
    return found


async def look(read: Read, after: str) -> Looked:
    """Check the next few remedies after this one."""
    page = await remedies.page(read, after, LOOK_MAX)
    return Looked(await _check(read, page), page[-1].id if len(page) == LOOK_MAX else "")


async def _check(read: Read, page: Sequence[RemedyRecord]) -> list[Drift]:
    """Return the remedies whose state contradicts their transaction, and those without a complaint."""
    known = await identities_of_complaints(read, sorted({remedy.complaint_id for remedy in page}))
    return [
        Drift(SETTLED_BY_TRANSACTION, remedy.id, words(__name__, "drift_other_missing"))
        for remedy in page
        if (remedy.status == RemedyStatus.SETTLED.value) != (remedy.loyalty_txn is not None)
    ] + [
        Drift(REMEDY_OF_COMPLAINT, remedy.id, words(__name__, "drift_no_complaint"))
        for remedy in page
        if remedy.complaint_id not in known
    ]


def _granted(event: RemedyGranted) -> Fact:
    return Fact(event.remedy_id, (event.points,))


def _settled(event: RemedySettled) -> Fact:
    return Fact(event.remedy_id)


INVARIANTS = Invariants(
    (SETTLED_BY_TRANSACTION, REMEDY_OF_COMPLAINT),
    look,
    verify,
    (
        EventRule("remedy_has_its_event", {RemedyGranted: _granted}, read_rows(remedies.GRANTED)),
        EventRule("settlement_has_its_event", {RemedySettled: _settled}, read_rows(remedies.SETTLED)),
    ),
)
