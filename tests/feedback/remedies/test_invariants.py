"""The invariants of remedies find a contradiction that was planted behind the service's back."""

from dataclasses import replace

from services.feedback.remedies.invariants import REMEDY_OF_COMPLAINT, SETTLED_BY_TRANSACTION
from services.feedback.remedies.storage import remedies
from services.feedback.remedies.storage.tables import RemedyRecord, remedy
from services.feedback.remedies.usecases.grant_remedy import NewRemedy, grant_remedy
from shared.ids import new_id
from tests.feedback.running import Feedback
from tests.parts.looking import looked_through


async def test_a_remedy_without_its_complaint_is_found(feedback: Feedback) -> None:
    granted = await _granted(feedback)
    orphan = replace(granted, id=new_id("rem"), complaint_id=new_id("cmp"))
    await _plant(feedback, orphan)
    assert await _found(feedback) == [(REMEDY_OF_COMPLAINT, orphan.id)]


async def test_a_settled_remedy_without_its_transaction_is_found(feedback: Feedback) -> None:
    granted = await _granted(feedback)
    settled = replace(granted, id=new_id("rem"), status="settled", settled_at=granted.granted_at)
    await _plant(feedback, settled)
    assert await _found(feedback) == [(SETTLED_BY_TRANSACTION, settled.id)]


async def _granted(feedback: Feedback) -> RemedyRecord:
    """Grant a remedy on a new complaint, and return its record."""
    complaint_id = await feedback.open()
    async with feedback.database.begin() as tx:
        await grant_remedy(tx, feedback.context, complaint_id, NewRemedy(200, "It leaked.", "ana"))
    assert await feedback.drift() == []
    async with feedback.database.read() as read:
        (record,) = await remedies.page(read, "", 2)
    return record


async def _plant(feedback: Feedback, record: RemedyRecord) -> None:
    async with feedback.database.begin() as tx:
        await tx.insert_records(remedy, [record])


async def _found(feedback: Feedback) -> list[tuple[str, str]]:
    """Return what `huitou verify` finds, which the running verification must find as well."""
    found = list(await feedback.drift())
    async with feedback.database.read() as read:
        assert await looked_through(read, feedback.service.invariants) == found
    return [(drift.rule, drift.subject) for drift in found]
