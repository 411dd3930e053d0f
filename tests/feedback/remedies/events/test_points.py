"""Loyalty's answers to remedies, in any order and however often they come."""

from datetime import timedelta

import pytest

from services.feedback.complaints.domain.machine import ComplaintAction
from services.feedback.complaints.storage.tables import complaint
from services.feedback.remedies import refusals
from services.feedback.remedies.jobs import GIVE_UP_UNKNOWN_REMEDIES, MARK_OVERDUE_REMEDIES
from services.feedback.remedies.storage.tables import remedy
from services.feedback.remedies.usecases.grant_remedy import NewRemedy, grant_remedy
from services.feedback.remedies.usecases.retry_remedy import retry_remedy
from shared.consume.tables import set_aside
from shared.events.base import Cause, Event
from shared.events.feedback import RemedyGranted, RemedySettled
from shared.identity import identity
from shared.ids import new_id
from tests.feedback.running import Feedback, customer, earned, erased, refused

MINUTE = timedelta(minutes=1)


async def granted(feedback: Feedback, complaint_id: str, *, retry_of: str | None = None) -> str:
    async with feedback.database.begin() as tx:
        new = NewRemedy(200, "sorry", "ana", retry_of)
        return await grant_remedy(tx, feedback.context, complaint_id, new)


def paid(who: str, remedy_id: str) -> Event:
    return earned(who, Cause(kind="remedy", id=remedy_id))


async def status_of(feedback: Feedback, remedy_id: str) -> str:
    (row,) = await feedback.rows(remedy, remedy.c.id == remedy_id)
    return str(row.status)


async def test_a_grant_is_told_and_settled_by_the_points_it_caused_once(feedback: Feedback) -> None:
    who = customer()
    complaint_id = await feedback.open(who)
    remedy_id = await granted(feedback, complaint_id)
    (told,) = await feedback.published(RemedyGranted)
    assert (told.remedy_id, told.identity_id, told.points) == (remedy_id, who, 200)
    assert (told.cause.kind, told.cause.id) == ("remedy", remedy_id)
    assert told.deadline_at - told.granted_at == 15 * MINUTE
    payment = paid(who, remedy_id)
    await feedback.deliver(payment)
    await feedback.deliver(payment)
    (settled,) = await feedback.published(RemedySettled)
    (row,) = await feedback.rows(remedy)
    assert (row.status, row.loyalty_txn) == ("settled", settled.transaction_id)
    assert await feedback.drift() == []


async def test_each_change_of_a_remedy_updates_its_complaint(feedback: Feedback) -> None:
    who = customer()
    complaint_id, other_id = await feedback.open(who), await feedback.open(who)
    opened_at = feedback.clock.now()
    updated = []
    versions = set()

    async def note() -> None:
        (row,) = await feedback.rows(complaint, complaint.c.id == complaint_id)
        updated.append(row.updated_at == feedback.clock.now())
        versions.add(row.version)
        feedback.clock.advance(15 * MINUTE)

    feedback.clock.advance(MINUTE)
    first = await granted(feedback, complaint_id)
    await note()
    await feedback.deliver(refused(who, first))
    await note()
    await feedback.deliver(refused(who, first))
    await note()
    second = await granted(feedback, complaint_id, retry_of=first)
    await note()
    await MARK_OVERDUE_REMEDIES.run(feedback.runtime)
    await note()
    async with feedback.database.begin() as tx:
        await retry_remedy(tx, feedback.context, complaint_id, second)
    await note()
    await feedback.deliver(paid(who, second))
    await note()
    (other,) = await feedback.rows(complaint, complaint.c.id == other_id)

    assert updated == [True, True, False, True, True, True, True]
    assert len(versions) == 1
    assert other.updated_at == opened_at


async def test_points_for_anything_else_are_not_ours(feedback: Feedback) -> None:
    await feedback.deliver(earned(customer(), Cause(kind="purchase", id=new_id("pur"))))
    assert await feedback.count(identity) == 0


async def test_a_refusal_is_kept_with_its_reason_and_a_new_try_is_a_new_remedy(feedback: Feedback) -> None:
    who = customer()
    complaint_id = await feedback.open(who)
    first = await granted(feedback, complaint_id)
    with pytest.raises(refusals.RetryOfRefused):
        await granted(feedback, complaint_id, retry_of=first)
    answer = refused(who, first, "above_limit")
    await feedback.deliver(answer)
    await feedback.deliver(answer)
    (row,) = await feedback.rows(remedy)
    assert (row.status, row.refusal_code) == ("refused", "above_limit")
    second = await granted(feedback, complaint_id, retry_of=first)
    assert await status_of(feedback, second) == "granted"


async def test_answers_that_contradict_each_other_are_set_aside(feedback: Feedback) -> None:
    who = customer()
    complaint_id = await feedback.open(who)
    one, other = await granted(feedback, complaint_id), await granted(feedback, complaint_id)
    await feedback.deliver(refused(who, one), paid(who, other))
    with pytest.raises(refusals.PaidAfterRefusal):
        await feedback.deliver(paid(who, one))
    with pytest.raises(refusals.RefusedAfterPayment):
        await feedback.deliver(refused(who, other))


async def test_an_answer_that_is_late_makes_the_remedy_overdue_which_means_unknown(
    feedback: Feedback,
) -> None:
    who = customer()
    complaint_id = await feedback.open(who)
    remedy_id = await granted(feedback, complaint_id)
    assert await MARK_OVERDUE_REMEDIES.run(feedback.runtime) == 0
    feedback.clock.advance(15 * MINUTE)
    assert await MARK_OVERDUE_REMEDIES.run(feedback.runtime) == 1
    assert await MARK_OVERDUE_REMEDIES.run(feedback.runtime) == 0
    assert await status_of(feedback, remedy_id) == "overdue"
    async with feedback.database.begin() as tx:
        await retry_remedy(tx, feedback.context, complaint_id, remedy_id)
    first, again = await feedback.published(RemedyGranted)
    assert (again.remedy_id, again.cause, again.granted_at) == (remedy_id, first.cause, first.granted_at)
    assert again.deadline_at == first.deadline_at + 15 * MINUTE
    assert await status_of(feedback, remedy_id) == "overdue"
    await feedback.deliver(paid(who, remedy_id))
    assert await status_of(feedback, remedy_id) == "settled"
    async with feedback.database.begin() as tx:
        with pytest.raises(refusals.RemedyNotOverdue):
            await retry_remedy(tx, feedback.context, complaint_id, remedy_id)


async def test_an_answer_to_a_remedy_nobody_knows_waits_a_day_and_then_a_person_looks(
    feedback: Feedback,
) -> None:
    await feedback.deliver(paid(customer(), new_id("rem")))
    (waiting,) = await feedback.rows(set_aside)
    assert waiting.state == "parked"
    assert await GIVE_UP_UNKNOWN_REMEDIES.run(feedback.runtime) == 0
    feedback.clock.advance(timedelta(days=1))
    assert await GIVE_UP_UNKNOWN_REMEDIES.run(feedback.runtime) == 1
    (dead,) = await feedback.rows(set_aside)
    assert (dead.state, dead.code) == ("dead", "paid_unknown_remedy")


async def test_nothing_is_granted_on_a_complaint_that_was_withdrawn(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.act(complaint_id, ComplaintAction.WITHDRAW, reason="never mind")
    with pytest.raises(refusals.RemedyOnEndedComplaint):
        await granted(feedback, complaint_id)


async def test_a_remedy_granted_before_an_erasure_is_still_settled(feedback: Feedback) -> None:
    who = customer()
    remedy_id = await granted(feedback, await feedback.open(who))
    await feedback.deliver(erased(who), paid(who, remedy_id))
    assert await status_of(feedback, remedy_id) == "settled"
