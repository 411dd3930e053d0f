"""A shop with promises of its own: the whole engine through the database."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.feedback.complaints.domain.machine import ComplaintAction
from services.feedback.complaints.storage.tables import complaint, transition
from services.feedback.sla.storage.documents import StoredConditions, StoredDay, StoredTarget, StoredWindow
from services.feedback.sla.storage.tables import (
    CalendarRecord,
    PolicyRecord,
    calendar,
    sla_clock,
    sla_event,
    sla_policy,
)
from shared.events.feedback import ComplaintResolved, SlaBreached, SlaWarned
from tests.feedback.running import NOW, Feedback, open_feedback
from tests.parts import databases

HOUR = timedelta(hours=1)
OFFICE = ((StoredWindow(9 * 3600, 18 * 3600),),) * 5 + ((), ())


async def promise(
    feedback: Feedback,
    targets: dict[str, StoredTarget],
    *,
    effective_from: datetime = NOW - HOUR,
    apply_to_open: bool = False,
) -> None:
    """A version of the default policy, in force since the hour before NOW."""
    policy = PolicyRecord(
        policy_id="default",
        version=2,
        position=1,
        conditions=StoredConditions(everything=True),
        targets=targets,
        effective_from=effective_from,
        apply_to_open=apply_to_open,
    )
    async with feedback.database.begin() as tx:
        await tx.insert_records(sla_policy, [policy])


def target(
    hours: float, calendar_id: str = "24x7", *, warn: tuple[int, ...] = (), levels: tuple[int, ...] = ()
) -> StoredTarget:
    return StoredTarget(int(hours * 3600), calendar_id, warn, levels)


async def by_metric(feedback: Feedback) -> dict[str, Any]:
    return {f"{row.metric} {row.cycle}.{row.ordinal}": row for row in await feedback.rows(sla_clock)}


async def test_warnings_are_told_once_and_levels_escalate(feedback: Feedback) -> None:
    await promise(feedback, {"first_response": target(4, warn=(3600,), levels=(3600,))})
    complaint_id = await feedback.open()
    feedback.clock.advance(3 * HOUR)
    assert (await feedback.fire(), await feedback.fire()) == (1, 0)
    (warned,) = await feedback.published(SlaWarned)
    assert (warned.level, warned.occurred_at, warned.due_at) == (1, NOW + 3 * HOUR, NOW + 4 * HOUR)
    feedback.clock.advance(3 * HOUR)
    assert (await feedback.fire(), await feedback.fire()) == (1, 0)
    assert len(await feedback.published(SlaBreached)) == 1
    kinds = {row.kind: row.occurred_at for row in await feedback.rows(sla_event)}
    assert kinds == {"warned": NOW + 3 * HOUR, "breached": NOW + 4 * HOUR, "escalated": NOW + 5 * HOUR}
    (row,) = await feedback.rows(complaint)
    (escalated,) = await feedback.rows(transition, transition.c.complaint_id == complaint_id)
    assert (row.escalation_level, escalated.action, escalated.actor_kind) == (1, "escalate", "system")
    assert await feedback.drift() == []


async def test_every_exchange_and_the_resolution_have_their_clock(feedback: Feedback) -> None:
    await promise(
        feedback,
        {
            "first_response": target(4),
            "next_response": target(2),
            "resolution": target(24),
            "follow_up": target(48),
        },
    )
    complaint_id = await feedback.open()
    await feedback.act(complaint_id, ComplaintAction.START)
    await feedback.say(complaint_id)
    await feedback.act(complaint_id, ComplaintAction.WAIT_CUSTOMER, reason="needs a photograph")
    assert (await by_metric(feedback))["resolution 1.1"].due_at is None
    feedback.clock.advance(10 * HOUR)
    await feedback.say(complaint_id, "customer")
    clocks = await by_metric(feedback)
    assert clocks["resolution 1.1"].due_at == NOW + 34 * HOUR
    assert clocks["next_response 1.1"].due_at == NOW + 12 * HOUR
    await feedback.say(complaint_id)
    await feedback.act(complaint_id, ComplaintAction.ANSWER)
    clocks = await by_metric(feedback)
    assert {name: clock.verdict for name, clock in clocks.items()} == {
        "first_response 1.1": "met",
        "next_response 1.1": "met",
        "resolution 1.1": "met",
        "follow_up 1.1": "running",
    }
    (resolved,) = await feedback.published(ComplaintResolved)
    assert (resolved.complaint_id, resolved.status) == (complaint_id, "answered")
    assert await feedback.drift() == []


async def test_a_late_message_that_joins_two_exchanges_leaves_no_stray_clock(feedback: Feedback) -> None:
    await promise(feedback, {"first_response": target(4), "next_response": target(2)})
    complaint_id = await feedback.open(contact_at=NOW - 3 * HOUR)
    await feedback.say(complaint_id, occurred_at=NOW - timedelta(minutes=10))
    await feedback.say(complaint_id, "customer", occurred_at=NOW - timedelta(minutes=8))
    await feedback.say(complaint_id, occurred_at=NOW - timedelta(minutes=6))
    await feedback.say(complaint_id, "customer", occurred_at=NOW - timedelta(minutes=4))
    assert set(await by_metric(feedback)) == {"first_response 1.1", "next_response 1.1", "next_response 1.2"}
    await feedback.say(complaint_id, occurred_at=NOW - timedelta(minutes=12))
    clocks = await by_metric(feedback)
    assert clocks["first_response 1.1"].fulfilled_at == NOW - timedelta(minutes=12)
    assert await feedback.drift() == []


async def test_office_hours_and_holidays_count_working_time_only(feedback: Feedback) -> None:
    office = CalendarRecord(
        calendar_id="office",
        version=1,
        zone="Asia/Shanghai",
        week=OFFICE,
        exceptions=(
            StoredDay(date(2026, 3, 11), ()),
            StoredDay(date(2026, 3, 14), (StoredWindow(9 * 3600, 12 * 3600),)),
        ),
        estimated_from="2027-01-01",
        effective_from=NOW - HOUR,
        apply_to_open=False,
    )
    async with feedback.database.begin() as tx:
        await tx.insert_records(calendar, [office])
    await promise(feedback, {"first_response": target(20, "office")})
    await feedback.open()  # a Tuesday, 20:00 in Shanghai; Wednesday is a holiday, Saturday a working day
    (clock,) = await feedback.rows(sla_clock)
    assert clock.due_at.isoformat() == "2026-03-14T03:00:00+00:00"
    assert (clock.calendar_id, clock.estimated) == ("office", False)


async def test_a_version_that_applies_to_open_clocks_retargets_them_and_judges_nobody_late_before(
    feedback: Feedback,
) -> None:
    complaint_id = await feedback.open()
    feedback.clock.advance(5 * HOUR)
    takes_over = NOW + 5 * HOUR
    await promise(feedback, {"first_response": target(1)}, effective_from=takes_over, apply_to_open=True)
    feedback.clock.advance(HOUR)
    await feedback.say(complaint_id, "customer")
    (breach,) = await feedback.published(SlaBreached)
    assert (breach.occurred_at, breach.due_at, breach.policy_version) == (takes_over, NOW + HOUR, 2)
    assert sorted(row.kind for row in await feedback.rows(sla_event)) == ["breached", "retargeted"]


@pytest.mark.parametrize("grace", [0, 10])
async def test_a_version_that_takes_over_later_moves_open_clocks_at_its_instant(
    kind: databases.Kind, tmp_path: Path, grace: int
) -> None:
    async with open_feedback(kind, tmp_path, grace=grace) as feedback:
        complaint_id = await feedback.open()
        takes_over = NOW + 2 * HOUR
        await promise(feedback, {"first_response": target(4)}, effective_from=takes_over, apply_to_open=True)
        assert (await feedback.fire(), await feedback.drift()) == (0, [])
        feedback.clock.advance(2 * HOUR + timedelta(seconds=grace))
        assert await feedback.drift() == []
        assert (await feedback.fire(), await feedback.fire(), await feedback.drift()) == (1, 0, [])
        (clock,) = await feedback.rows(sla_clock)
        assert (clock.policy_version, clock.due_at) == (2, NOW + 4 * HOUR)
        (moved,) = await feedback.rows(sla_event)
        assert (moved.kind, moved.occurred_at) == ("retargeted", takes_over)
        feedback.clock.advance(3 * HOUR)
        assert await feedback.fire() == 1
        (breach,) = await feedback.published(SlaBreached)
        assert (breach.complaint_id, breach.occurred_at) == (complaint_id, NOW + 4 * HOUR)
        assert await feedback.drift() == []


async def test_a_version_moves_clocks_that_nobody_had_promised_before(feedback: Feedback) -> None:
    complaint_id = await feedback.open()
    await feedback.say(complaint_id)
    await promise(
        feedback,
        {"first_response": target(4), "resolution": target(48)},
        effective_from=NOW + HOUR,
        apply_to_open=True,
    )
    feedback.clock.advance(HOUR)
    assert await feedback.fire() == 1
    assert (await by_metric(feedback))["resolution 1.1"].due_at == NOW + 48 * HOUR
    assert await feedback.drift() == []


async def test_a_version_of_a_calendar_that_takes_over_later_moves_open_clocks(feedback: Feedback) -> None:
    await feedback.open()
    office = CalendarRecord(
        calendar_id="24x7",
        version=2,
        zone="UTC",
        week=OFFICE,
        exceptions=(),
        estimated_from=None,
        effective_from=NOW + HOUR,
        apply_to_open=True,
    )
    async with feedback.database.begin() as tx:
        await tx.insert_records(calendar, [office])
    feedback.clock.advance(HOUR)
    assert (await feedback.drift(), await feedback.fire(), await feedback.drift()) == ([], 1, [])
    (clock,) = await feedback.rows(sla_clock)
    # Six hours are left of the Tuesday, nine of the Wednesday and of the Thursday.
    assert (clock.calendar_version, clock.due_at.isoformat()) == (2, "2026-03-12T18:00:00+00:00")


async def test_a_version_judges_what_was_over_before_by_the_promise_of_its_time(feedback: Feedback) -> None:
    """Neither who answers between the change and the sweep nor who verifies then makes a difference."""
    answered, closed = await feedback.open(), await feedback.open()
    await promise(feedback, {"first_response": target(4)}, effective_from=NOW + 5 * HOUR, apply_to_open=True)
    feedback.clock.advance(4 * HOUR + timedelta(minutes=30))
    await feedback.act(closed, ComplaintAction.WITHDRAW, reason="fine now")
    feedback.clock.advance(HOUR)
    await feedback.say(answered)
    assert await feedback.drift() == []
    await feedback.fire()
    assert await feedback.drift() == []
    clocks = {row.complaint_id: row for row in await feedback.rows(sla_clock)}
    assert (clocks[answered].verdict, clocks[closed].verdict) == ("breached", "cancelled")
    (breach,) = await feedback.published(SlaBreached)
    assert (breach.complaint_id, breach.occurred_at) == (answered, NOW + 5 * HOUR)
