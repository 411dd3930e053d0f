"""Everybody at once: people, merges of complaints, the sweeper, loyalty's answers and the jobs."""

import asyncio
import random
from datetime import timedelta

from services.feedback.complaints.domain.machine import ComplaintAction
from services.feedback.complaints.storage.tables import complaint
from services.feedback.remedies.jobs import MARK_OVERDUE_REMEDIES
from services.feedback.remedies.storage.tables import remedy
from services.feedback.remedies.usecases.grant_remedy import NewRemedy, grant_remedy
from services.feedback.sla.storage.tables import sla_clock, sla_event
from shared.errors import DomainError
from shared.events.base import Cause
from shared.events.feedback import RemedySettled, SlaBreached
from tests.feedback.running import Feedback, customer, earned, merged

CUSTOMERS, COMPLAINTS, STEPS = 4, 12, 160


async def test_whatever_races_nothing_deadlocks_and_everything_adds_up(
    feedback: Feedback, seeded: random.Random
) -> None:
    who = [customer() for _ in range(CUSTOMERS)]
    opened = {await feedback.open(name := who[at % CUSTOMERS]): name for at in range(COMPLAINTS)}
    feedback.clock.advance(timedelta(hours=24, seconds=1))
    ids = list(opened)
    granted: list[tuple[str, str]] = []
    versions = iter(range(1, STEPS + 1))

    async def grant(complaint_id: str) -> None:
        async with feedback.database.begin() as tx:
            new = NewRemedy(10, "sorry", "ana")
            remedy_id = await grant_remedy(tx, feedback.context, complaint_id, new)
        granted.append((opened[complaint_id], remedy_id))

    async def pay() -> None:
        if granted:
            name, remedy_id = seeded.choice(granted)
            await feedback.deliver(earned(name, Cause(kind="remedy", id=remedy_id)))

    async def step() -> None:
        complaint_id, other_id = seeded.sample(ids, 2)
        kind = seeded.randrange(8)
        try:
            if kind == 0:
                await feedback.say(complaint_id, seeded.choice(["agent", "customer", "note"]))
            elif kind == 1:
                await feedback.act(
                    complaint_id,
                    seeded.choice(
                        [ComplaintAction.START, ComplaintAction.ESCALATE, ComplaintAction.ACKNOWLEDGE]
                    ),
                    reason="x",
                )
            elif kind == 2:
                await feedback.act(complaint_id, ComplaintAction.MERGE, duplicate_of=other_id)
            elif kind == 3:
                await feedback.fire()
            elif kind == 4:
                await grant(complaint_id)
            elif kind == 5:
                await pay()
            elif kind == 6:
                await MARK_OVERDUE_REMEDIES.run(feedback.runtime)
            else:
                first, second = seeded.sample(who, 2)
                await feedback.deliver(merged(first, into=second, version=next(versions)))
        except DomainError:
            pass  # refused: the machine has its reasons, and nothing was written

    for _ in range(STEPS // 16):
        await asyncio.gather(*(step() for _ in range(16)))
    await feedback.fire()

    assert await feedback.drift() == []
    assert await feedback.count(complaint, complaint.c.follows.is_(None)) == COMPLAINTS
    told = [breach.cause.id for breach in await feedback.published(SlaBreached)]  # the id of the clock
    assert len(told) == len(set(told)) == await feedback.count(sla_event, sla_event.c.kind == "breached")
    assert await feedback.count(sla_clock, sla_clock.c.verdict == "breached") == len(told)
    settled = [event.remedy_id for event in await feedback.published(RemedySettled)]
    assert len(settled) == len(set(settled)) == await feedback.count(remedy, remedy.c.status == "settled")
