"""What one operator may grant adds up, and a refused remedy is tried again once, whoever asks at the same time."""

import asyncio
from datetime import timedelta

import pytest

from services.feedback.complaints.domain.machine import ActorKind, ComplaintAction
from services.feedback.remedies.refusals import (
    RemedyAboveComplaintLimit,
    RemedyAboveDayLimit,
    RetriedAlready,
)
from services.feedback.remedies.storage.tables import remedy
from services.feedback.remedies.usecases.grant_remedy import NewRemedy, grant_remedy
from shared.errors import DomainError
from tests.feedback.running import Feedback, customer, refused

COMPLAINT, DAY = 10_000, 30_000
MANAGER = ActorKind.MANAGER


async def grant(
    feedback: Feedback,
    complaint_id: str,
    points: int,
    who: str = "ana",
    *,
    role: ActorKind = ActorKind.AGENT,
    retry_of: str | None = None,
) -> str:
    """Grant points in a transaction of its own."""
    async with feedback.database.begin() as tx:
        new = NewRemedy(points, "sorry", who, retry_of, role)
        return await grant_remedy(tx, feedback.context, complaint_id, new)


async def granted(feedback: Feedback) -> int:
    """The points of all remedies."""
    return sum(row.points for row in await feedback.rows(remedy))


async def test_the_remedies_of_a_complaint_add_up(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await grant(feedback, complaint_id, COMPLAINT - 100)
    with pytest.raises(RemedyAboveComplaintLimit) as above:
        await grant(feedback, complaint_id, 101, "bob")
    assert above.value.fields == {
        "points_max": COMPLAINT,
        "points_granted": COMPLAINT - 100,
        "points_left": 100,
    }
    await grant(feedback, complaint_id, 100, "bob")
    with pytest.raises(RemedyAboveComplaintLimit):
        await grant(feedback, complaint_id, 1)
    await grant(feedback, complaint_id, 1, "max", role=MANAGER)


async def test_the_grants_of_a_day_add_up_over_complaints(feedback: Feedback) -> None:
    for _ in range(DAY // COMPLAINT):
        await grant(feedback, await feedback.open(), COMPLAINT)
    with pytest.raises(RemedyAboveDayLimit):
        await grant(feedback, await feedback.open(), 1)
    await grant(feedback, await feedback.open(), 1, "bob")
    feedback.clock.advance(timedelta(hours=11, minutes=59))
    with pytest.raises(RemedyAboveDayLimit):
        await grant(feedback, await feedback.open(), 1)
    feedback.clock.advance(timedelta(minutes=1))
    await grant(feedback, await feedback.open(), 1)


async def test_a_refused_remedy_counts_for_nothing(feedback: Feedback) -> None:
    who = customer()
    complaint_id = await feedback.open(who)
    first = await grant(feedback, complaint_id, COMPLAINT)
    await feedback.deliver(refused(who, first))
    await grant(feedback, complaint_id, COMPLAINT, retry_of=first)


async def test_merging_complaints_makes_no_room_for_more(feedback: Feedback) -> None:
    who = customer()
    first, second, third = [await feedback.open(who) for _ in range(3)]
    await grant(feedback, first, COMPLAINT)
    await feedback.act(first, ComplaintAction.MERGE, duplicate_of=second)
    await feedback.act(second, ComplaintAction.MERGE, duplicate_of=third)
    with pytest.raises(RemedyAboveComplaintLimit):
        await grant(feedback, third, 1)


async def test_grants_at_once_pass_no_limit(feedback: Feedback) -> None:
    opened = [await feedback.open() for _ in range(12)]

    async def attempt(complaint_id: str) -> None:
        try:
            await grant(feedback, complaint_id, COMPLAINT)
        except DomainError:
            pass

    await asyncio.gather(*(attempt(opened[0]) for _ in range(12)))
    assert await granted(feedback) == COMPLAINT
    await asyncio.gather(*(attempt(complaint_id) for complaint_id in opened[1:]))
    assert await granted(feedback) == DAY


async def test_a_refused_remedy_is_tried_again_once(feedback: Feedback) -> None:
    who = customer()
    complaint_id = await feedback.open(who)
    first = await grant(feedback, complaint_id, 100)
    await feedback.deliver(refused(who, first))
    tried = await asyncio.gather(
        *(grant(feedback, complaint_id, 100, retry_of=first) for _ in range(6)), return_exceptions=True
    )
    (second,) = [remedy_id for remedy_id in tried if isinstance(remedy_id, str)]
    refusals = [refusal for refusal in tried if isinstance(refusal, RetriedAlready)]
    assert len(refusals) == 5
    assert refusals[0].fields == {"retry": second}
    await feedback.deliver(refused(who, second))
    with pytest.raises(RetriedAlready):
        await grant(feedback, complaint_id, 100, retry_of=first)
    await grant(feedback, complaint_id, 100, retry_of=second)
