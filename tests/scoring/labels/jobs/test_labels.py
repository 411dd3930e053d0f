"""Labels that change by time alone."""

import asyncio
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete

from services.scoring.labels.jobs import RELABEL_DUE
from services.scoring.labels.storage import statements
from services.scoring.labels.storage.tables import score
from shared.local_time import day_start
from tests.scoring import running
from tests.scoring.running import Scoring, at, bought, customer


async def test_a_label_falls_by_time_on_its_day_and_once(scoring: Scoring) -> None:
    who = customer()
    await scoring.deliver(bought(who, at(0)))
    scoring.clock.advance(timedelta(days=90, hours=11))
    assert await RELABEL_DUE.run(scoring.runtime) == 0, "the day is not over"
    scoring.clock.advance(timedelta(hours=1))
    assert await RELABEL_DUE.run(scoring.runtime) == 1
    assert await RELABEL_DUE.run(scoring.runtime) == 0
    told = (await scoring.told())[1:]
    assert [(event.label, event.previous, event.label_sequence, event.moved_by) for event in told] == [
        ("promising", "new", int(scoring.clock.now().timestamp()), "time")
    ]
    assert told[0].as_of == scoring.clock.now()


async def test_labels_that_are_found_again_after_a_loss_are_later_than_those_before(scoring: Scoring) -> None:
    who = customer()
    await scoring.deliver(bought(who, at(3)))
    async with scoring.database.begin() as tx:
        await tx.execute(delete(score))
    scoring.clock.advance(timedelta(seconds=1))

    await scoring.deliver(bought(who, at(2)))

    before, after = [event.label_sequence for event in await scoring.told()]
    assert after > before


async def test_two_labels_of_one_second_have_two_sequences(scoring: Scoring) -> None:
    who = customer()
    await scoring.deliver(bought(who, at(3)))
    await scoring.deliver(*(bought(who, at(day)) for day in range(3)))

    before, after = [event.label_sequence for event in await scoring.told()]
    assert after == before + 1


async def test_a_purchase_in_between_lets_the_old_timer_ring_early_and_in_vain(scoring: Scoring) -> None:
    who = customer()
    await scoring.deliver(bought(who, at(2)), bought(who, at(1)), bought(who, at(0)))
    scoring.clock.advance(timedelta(days=20))
    await scoring.deliver(bought(who, scoring.clock.now()))
    told = len(await scoring.told())
    scoring.clock.advance(timedelta(days=12))
    assert await RELABEL_DUE.run(scoring.runtime) == 1
    assert len(await scoring.told()) == told
    async with scoring.database.read() as read:
        said = (await statements.of_customers(read, [who]))[who]
    assert said.valid_until is not None
    assert said.valid_until > scoring.clock.now(), "set anew"


async def test_many_timers_after_a_long_pause_ring_once_each(scoring: Scoring) -> None:
    people = [customer() for _ in range(1_200)]
    for start in range(0, len(people), 200):
        await scoring.deliver(*(bought(who, at(0)) for who in people[start : start + 200]))
    scoring.clock.advance(timedelta(days=800))
    rung = await asyncio.gather(RELABEL_DUE.run(scoring.runtime), RELABEL_DUE.run(scoring.runtime))
    assert sum(rung) == 1_200
    told = (await scoring.told())[1_200:]
    assert {(event.label, event.previous) for event in told} == {("lost", "new")}
    assert len({event.customer_id for event in told}) == len(told) == 1_200


async def test_a_timer_is_set_for_midnight_in_the_shops_zone(tmp_path: Path) -> None:
    async with running.open_scoring("sqlite", tmp_path, zone="Asia/Shanghai") as scoring:
        who = customer()
        await scoring.deliver(bought(who, at(0)))
        told = await scoring.told()
        assert told[0].valid_until == day_start((at(0) + timedelta(days=91)).date(), scoring.zone)
        assert told[0].valid_until.hour == 16
