"""Complaints are locked behind their customers' identities, and read as the machine judges them."""

from collections.abc import Iterable, Sequence

from services.feedback.complaints.domain.complaint import Complaint
from services.feedback.complaints.domain.machine import (
    Case,
    ComplaintOutcome,
    ComplaintStatus,
    FollowUpResult,
)
from services.feedback.complaints.refusals import CustomerErased, UnknownComplaint
from services.feedback.complaints.storage import complaints, follow_ups, messages
from services.feedback.complaints.storage.tables import ComplaintRecord
from shared import audit, identity
from shared.db import Tx


async def lock_complaint(tx: Tx, complaint_id: str) -> Complaint:
    """Lock one complaint and return it. Raises UnknownComplaint, and CustomerErased."""
    locked = await lock_complaints(tx, [complaint_id])
    if not locked:
        raise UnknownComplaint
    return locked[complaint_id]


async def lock_complaints(tx: Tx, complaint_ids: Sequence[str]) -> dict[str, Complaint]:
    """Lock the customers' identities, then the complaints, both sorted, and return the complaints by id.

    Unknown complaints are left out. The audit trail gets the customer of the first one. Raises CustomerErased: nothing more is
    written about an erased customer.
    """
    wanted = sorted(set(complaint_ids))
    identities = await complaints.identities(tx, wanted)
    owners = await identity.lock(tx, identities.values())
    if any(owner.erased_at is not None for owner in owners.values()):
        raise CustomerErased
    locked = {
        record.id: await _complaint(tx, record, owners[record.identity_id].owner_id)
        for record in await complaints.lock(tx, wanted)
    }
    if (first := locked.get(next(iter(complaint_ids), ""))) is not None:
        audit.note(tx, customer_id=first.customer_id, identity_id=first.identity_id)
    return locked


async def lock_rows(tx: Tx, complaint_ids: Iterable[str]) -> None:
    """Lock complaints in the order of their ids, without reading them."""
    await complaints.lock_only(tx, sorted(set(complaint_ids)))


async def read_locked(tx: Tx, complaint_id: str) -> Complaint:
    """Return a complaint that this transaction has locked."""
    record = await complaints.find(tx, complaint_id)
    return await _complaint(tx, record, await identity.customer_of(tx, record.identity_id))


async def _complaint(tx: Tx, record: ComplaintRecord, customer_id: str) -> Complaint:
    """Return the complaint with the counts of its cycle, which the guards of the machine need."""
    results = await follow_ups.results(tx, record.id, record.cycle)
    case = Case(
        id=record.id,
        status=ComplaintStatus(record.status),
        outcome=None if record.outcome is None else ComplaintOutcome(record.outcome),
        owner=record.owner,
        cycle=record.cycle,
        review_level=record.review_level,
        escalation_level=record.escalation_level,
        duplicate_of=record.duplicate_of,
        visible_messages=await messages.count_visible(tx, record.id, record.cycle),
        follow_ups=len(results),
        unreached=results.count(FollowUpResult.UNREACHED.value),
        last_answer=_last_answer(results),
        closed_at=record.closed_at,
    )
    return Complaint(
        id=record.id,
        number=record.number,
        identity_id=record.identity_id,
        customer_id=customer_id,
        opened_by=record.opened_by,
        opened_by_id=record.opened_by_id,
        channel=record.channel,
        version=record.version,
        case=case,
    )


def _last_answer(results: Sequence[str]) -> FollowUpResult | None:
    answers = [result for result in results if result != FollowUpResult.UNREACHED.value]
    return FollowUpResult(answers[-1]) if answers else None
