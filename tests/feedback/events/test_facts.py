"""What feedback learns from the other services, in any order and however often."""

from datetime import timedelta
from itertools import permutations

import pytest

from services.feedback import jobs
from services.feedback.domain import refusals
from services.feedback.domain.machine import Action
from services.feedback.storage.tables import complaint, order_fact, order_return, remedy
from services.feedback.usecases.grant_remedy import NewRemedy, grant_remedy
from services.feedback.usecases.retry_remedy import retry_remedy
from shared.consume.tables import set_aside
from shared.events.base import Cause, Event
from shared.events.feedback import FeedbackErasureDone, RemedyGranted, RemedySettled
from shared.identity import identity
from shared.ids import new_id
from shared.outbox.jobs import paged
from shared.vault import subject_key
from tests.feedback.running import Feedback, bought, customer, earned, erased, merged, refused, returned

MINUTE = timedelta(minutes=1)


async def granted(feedback: Feedback, complaint_id: str, **more: str) -> str:
    async with feedback.database.begin() as tx:
        new = NewRemedy(200, "sorry", "ana", **more)
        return await grant_remedy(tx, feedback.vault, complaint_id, new, deadline=15 * MINUTE)


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
    assert await paged("page", jobs.mark_remedies).run(feedback.runtime) == 0
    feedback.clock.advance(15 * MINUTE)
    assert await paged("page", jobs.mark_remedies).run(feedback.runtime) == 1
    assert await paged("page", jobs.mark_remedies).run(feedback.runtime) == 0
    assert await status_of(feedback, remedy_id) == "overdue"
    async with feedback.database.begin() as tx:
        await retry_remedy(tx, complaint_id, remedy_id, deadline=15 * MINUTE)
    first, again = await feedback.published(RemedyGranted)
    assert (again.remedy_id, again.cause, again.granted_at) == (remedy_id, first.cause, first.granted_at)
    assert again.deadline_at == first.deadline_at + 15 * MINUTE
    assert await status_of(feedback, remedy_id) == "overdue"
    await feedback.deliver(paid(who, remedy_id))
    assert await status_of(feedback, remedy_id) == "settled"
    async with feedback.database.begin() as tx:
        with pytest.raises(refusals.RemedyNotOverdue):
            await retry_remedy(tx, complaint_id, remedy_id, deadline=15 * MINUTE)


async def test_an_answer_to_a_remedy_nobody_knows_waits_a_day_and_then_a_person_looks(
    feedback: Feedback,
) -> None:
    await feedback.deliver(paid(customer(), new_id("rem")))
    (waiting,) = await feedback.rows(set_aside)
    assert waiting.state == "parked"
    assert await paged("page", jobs.bury_answers).run(feedback.runtime) == 0
    feedback.clock.advance(timedelta(days=1))
    assert await paged("page", jobs.bury_answers).run(feedback.runtime) == 1
    (dead,) = await feedback.rows(set_aside)
    assert (dead.state, dead.code) == ("dead", "paid_unknown_remedy")


async def test_nothing_is_granted_on_a_complaint_that_was_withdrawn(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.act(complaint_id, Action.WITHDRAW, reason="never mind")
    with pytest.raises(refusals.RemedyOnEndedComplaint):
        await granted(feedback, complaint_id)


async def test_purchases_and_returns_are_kept_once_in_any_order(feedback: Feedback) -> None:
    for order, events in enumerate(permutations(("purchase", "return", "return"))):
        purchase = bought(customer(), order=str(order))
        back = returned(purchase)
        for name in events:
            await feedback.deliver(purchase if name == "purchase" else back)
    assert (await feedback.count(order_fact), await feedback.count(order_return)) == (6, 6)


async def test_an_erased_customer_becomes_unreadable_and_their_complaints_end(feedback: Feedback) -> None:
    who = customer()
    complaint_id = await feedback.open(who)
    await feedback.say(complaint_id, "customer")
    await feedback.deliver(erased(who))
    (row,) = await feedback.rows(complaint)
    assert (row.status, row.outcome) == ("closed", "withdrawn")
    assert await feedback.count(subject_key) == 0
    (done,) = await feedback.published(FeedbackErasureDone)
    assert done.identity_id == who
    assert {(one.kind, one.count) for one in done.wiped} == {("subject_key", 1), ("complaint_text", 1)}
    with pytest.raises(refusals.CustomerErased):
        await feedback.say(complaint_id, "customer")
    with pytest.raises(refusals.CustomerErased):
        await feedback.open(who)
    feedback.clock.advance(timedelta(days=2))
    assert await feedback.fire() == 0
    assert await feedback.drift() == []


async def test_facts_of_an_erased_identity_change_nothing(feedback: Feedback) -> None:
    who = customer()
    purchase = bought(who)
    await feedback.deliver(erased(who))
    await feedback.deliver(purchase, returned(purchase))
    assert (await feedback.count(order_fact), await feedback.count(order_return)) == (0, 0)


async def test_a_remedy_granted_before_an_erasure_is_still_settled(feedback: Feedback) -> None:
    who = customer()
    remedy_id = await granted(feedback, await feedback.open(who))
    await feedback.deliver(erased(who), paid(who, remedy_id))
    assert await status_of(feedback, remedy_id) == "settled"


async def test_ownership_events_in_any_order_end_with_the_newest(feedback: Feedback) -> None:
    for events in permutations((1, 2, 3)):
        who, owners = customer(), {version: customer() for version in (1, 2, 3)}
        for version in events:
            await feedback.deliver(merged(who, owners[version], version))
        (row,) = await feedback.rows(identity, identity.c.identity_id == who)
        assert (row.owner_id, row.ownership_version) == (owners[3], 3)
