"""Clocks in the database: told once, with their own time, whoever looks and however late."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from services.feedback.complaints.domain.machine import ComplaintAction
from services.feedback.complaints.queries.due_complaints import due_complaints
from services.feedback.complaints.refusals import MessageNotDatedBack, NotForThisActor
from services.feedback.complaints.usecases.confirm_message import confirm_message
from services.feedback.complaints.usecases.fire_clocks import fire_clocks
from services.feedback.sla.storage.tables import sla_clock, sla_event
from shared.events.feedback import SlaBreached, SlaBreachWithdrawn
from tests.feedback.running import AGENT, MANAGER, NOW, Feedback, open_feedback
from tests.parts import databases

DAY = timedelta(hours=24)
SECOND = timedelta(seconds=1)


async def test_a_new_complaint_has_a_first_response_due_in_24_hours(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    (clock,) = await feedback.rows(sla_clock)
    assert (clock.complaint_id, clock.metric, clock.cycle) == (complaint_id, "first_response", 1)
    assert (clock.due_at, clock.verdict) == (NOW + DAY, "running")


async def test_a_promise_is_not_late_in_the_second_it_is_due(feedback: Feedback) -> None:
    await feedback.open()
    feedback.clock.advance(DAY)
    assert await feedback.fire() == 0
    feedback.clock.advance(SECOND)
    assert await feedback.fire() == 1


async def test_a_breach_is_told_once_with_its_own_time_also_after_downtime(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    feedback.clock.advance(DAY + timedelta(hours=3))
    assert await feedback.fire() == 1
    assert await feedback.fire() == 0
    (breach,) = await feedback.published(SlaBreached)
    assert (breach.complaint_id, breach.metric, breach.cycle) == (complaint_id, "first_response", 1)
    assert (breach.occurred_at, breach.due_at, breach.detected_at) == (
        NOW + DAY,
        NOW + DAY,
        NOW + DAY + timedelta(hours=3),
    )
    (clock,) = await feedback.rows(sla_clock)
    assert (clock.verdict, clock.next_fire_at) == ("breached", None)


async def test_two_sweepers_at_once_tell_every_breach_once(feedback: Feedback) -> None:
    opened = [await feedback.open() for _ in range(40)]
    feedback.clock.advance(DAY + SECOND)

    async def reply() -> None:
        for complaint_id in opened[:10]:
            await feedback.say(complaint_id)

    await asyncio.gather(feedback.fire(), feedback.fire(), reply(), feedback.fire())
    told = [breach.complaint_id for breach in await feedback.published(SlaBreached)]
    assert sorted(told) == sorted(opened)
    assert await feedback.count(sla_event) == len(opened)
    assert await feedback.drift() == []


async def test_a_sweep_that_fails_tells_nothing_and_the_next_tells_it(feedback: Feedback) -> None:
    await feedback.open()
    feedback.clock.advance(DAY + SECOND)
    with pytest.raises(RuntimeError, match="power cut"):
        async with feedback.database.begin() as tx:
            await fire_clocks(tx, feedback.context, await due_complaints(tx, feedback.context, 10))
            raise RuntimeError("power cut")
    assert await feedback.published(SlaBreached) == []
    assert await feedback.fire() == 1
    assert len(await feedback.published(SlaBreached)) == 1


async def test_a_reply_in_time_meets_the_promise_and_nothing_fires(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    feedback.clock.advance(DAY)
    await feedback.say(complaint_id)
    feedback.clock.advance(DAY)
    assert await feedback.fire() == 0
    (clock,) = await feedback.rows(sla_clock)
    assert (clock.verdict, clock.fulfilled_at, clock.fulfilled_how) == ("met", NOW + DAY, "reply")


async def test_a_late_reply_tells_the_breach_before_the_sweeper_does(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    feedback.clock.advance(DAY + SECOND)
    await feedback.say(complaint_id)
    assert len(await feedback.published(SlaBreached)) == 1
    assert await feedback.fire() == 0


async def test_a_contact_of_the_day_before_yesterday_is_a_breach_at_once(feedback: Feedback) -> None:
    contact_at = NOW - timedelta(hours=30)
    await feedback.open(contact_at=contact_at)
    (breach,) = await feedback.published(SlaBreached)
    assert (breach.occurred_at, breach.detected_at) == (contact_at + DAY, NOW)
    assert await feedback.fire() == 0


async def test_a_reply_within_the_grace_that_was_given_in_time_wins(
    kind: databases.Kind, tmp_path: Path
) -> None:
    async with open_feedback(kind, tmp_path, grace=60) as feedback:
        complaint_id = await feedback.open()
        feedback.clock.advance(DAY + timedelta(seconds=30))
        assert await feedback.fire() == 0
        await feedback.say(complaint_id, occurred_at=NOW + DAY - SECOND)
        feedback.clock.advance(DAY)
        assert await feedback.fire() == 0
        (clock,) = await feedback.rows(sla_clock)
        assert clock.verdict == "met"


async def test_after_the_grace_the_breach_keeps_its_own_time(kind: databases.Kind, tmp_path: Path) -> None:
    async with open_feedback(kind, tmp_path, grace=60) as feedback:
        await feedback.open()
        feedback.clock.advance(DAY + timedelta(seconds=61))
        assert await feedback.fire() == 1
        (breach,) = await feedback.published(SlaBreached)
        assert breach.occurred_at == NOW + DAY


async def test_an_agent_cannot_launder_a_breach_by_dating_a_reply_back(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    feedback.clock.advance(DAY + timedelta(hours=1))
    await feedback.fire()
    await feedback.say(complaint_id, occurred_at=NOW + timedelta(hours=2))
    (clock,) = await feedback.rows(sla_clock)
    assert (clock.verdict, clock.fulfilled_at) == ("breached", NOW + DAY + timedelta(hours=1))
    assert await feedback.published(SlaBreachWithdrawn) == []


async def test_a_reply_that_a_manager_confirms_withdraws_the_breach_which_stays(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    feedback.clock.advance(DAY + timedelta(hours=1))
    await feedback.fire()
    message_id = await feedback.say(complaint_id, occurred_at=NOW + timedelta(hours=2))
    async with feedback.database.begin() as tx:
        with pytest.raises(NotForThisActor):
            await confirm_message(tx, feedback.context, complaint_id, message_id, AGENT)
    async with feedback.database.begin() as tx:
        await confirm_message(tx, feedback.context, complaint_id, message_id, MANAGER)
    (clock,) = await feedback.rows(sla_clock)
    assert (clock.verdict, clock.fulfilled_at) == ("met", NOW + timedelta(hours=2))
    (withdrawn,) = await feedback.published(SlaBreachWithdrawn)
    assert withdrawn.fulfilled_at == NOW + timedelta(hours=2)
    assert sorted(row.kind for row in await feedback.rows(sla_event)) == ["breach_withdrawn", "breached"]
    async with feedback.database.begin() as tx:
        with pytest.raises(MessageNotDatedBack):
            await confirm_message(tx, feedback.context, complaint_id, message_id, MANAGER)
    assert await feedback.drift() == []


async def test_a_manager_who_writes_down_an_earlier_reply_vouches_for_it(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    feedback.clock.advance(DAY + timedelta(hours=1))
    await feedback.fire()
    await feedback.say(complaint_id, author=MANAGER, occurred_at=NOW + timedelta(hours=2))
    assert len(await feedback.published(SlaBreachWithdrawn)) == 1


async def test_withdrawing_a_complaint_cancels_its_clock_and_a_late_one_stays_late(
    feedback: Feedback,
) -> None:
    in_time, late = await feedback.open(), await feedback.open(contact_at=NOW - DAY - SECOND)
    for complaint_id in (in_time, late):
        await feedback.act(complaint_id, ComplaintAction.WITHDRAW, reason="never mind")
    verdicts = {row.complaint_id: row.verdict for row in await feedback.rows(sla_clock)}
    assert verdicts == {in_time: "cancelled", late: "breached"}
    feedback.clock.advance(2 * DAY)
    assert await feedback.fire() == 0


async def test_a_reopened_complaint_has_the_promise_again(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.close(complaint_id)
    feedback.clock.advance(DAY)
    await feedback.act(complaint_id, ComplaintAction.REOPEN, reason="it drips again")
    clocks = {row.cycle: row for row in await feedback.rows(sla_clock)}
    assert (clocks[1].verdict, clocks[2].verdict) == ("met", "running")
    assert clocks[2].due_at == NOW + 2 * DAY


async def test_more_than_a_page_fires_whole(feedback: Feedback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.outbox.due_rows.PAGE_MAX", 3)
    for _ in range(8):
        await feedback.open()
    feedback.clock.advance(DAY + SECOND)
    assert await feedback.fire() == 8
    assert len(await feedback.published(SlaBreached)) == 8
