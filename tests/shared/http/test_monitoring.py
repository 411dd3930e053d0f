"""What is wrong shows as a figure and as a sentence that says what to do, and is gone when it is mended."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select, text

from shared.bus import Record, TopicPartition
from shared.consume import stopped_partitions
from shared.consume.set_aside import Reason, record_from_bus
from shared.consume.tables import ConsumerPositionRecord, consumer_position
from shared.consume.tables import set_aside as set_aside_table
from shared.db import Read
from shared.http import monitoring
from shared.ids import new_event_id, new_id
from shared.outbox import failing_jobs
from shared.outbox.lease import open_lease
from shared.outbox.tables import NewOutboxRecord, outbox
from shared.service import Drift, Invariants, Looked
from shared.verify import rolling
from tests.parts.till import NOW, SaleRecord, Till, sales

PLACE = TopicPartition("huitou.purchases", 3)


async def scraped(till: Till) -> Mapping[str, float]:
    """The figures by name and labels, without the service's."""
    async with till.client() as client:
        text = (await client.get("/metrics")).text
    figures = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(
                f'{name}="{sample.labels[name]}"' for name in sorted(sample.labels) if name != "service"
            )
            figures[sample.name.removeprefix("huitou_") + (f"{{{labels}}}" if labels else "")] = sample.value
    return figures


async def issues(till: Till, language: str = "en") -> Mapping[str, str]:
    """The sentences by code."""
    async with till.client() as client:
        answer = await client.get("/health/issues", headers={"Accept-Language": language})
    return {issue["code"]: issue["detail"] for issue in answer.json()["issues"]}


async def test_nothing_is_wrong_with_a_new_service(till: Till) -> None:
    assert await issues(till) == {}


async def test_who_relays_is_seen_from_any_process(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring, "LEADER_SECONDS_MAX", 0.0)
    lease = open_lease(till.runtime.database.url, till.runtime.settings.home, "till")
    assert (await scraped(till))["relay_led"] == 0
    assert "python -m services.till relay" in (await issues(till))["no_relay_leader"]
    await lease.acquire()
    led, said = (await scraped(till))["relay_led"], await issues(till)
    await lease.release()

    assert led == 1
    assert "no_relay_leader" not in said


async def test_a_periodic_job_that_keeps_failing_is_said(till: Till) -> None:
    await failing_jobs.note(till.runtime.database, "expire_points", KeyError())
    at_first = await issues(till)
    till.clock.advance(timedelta(seconds=90))
    figures, said = await scraped(till), await issues(till)
    await failing_jobs.clear(till.runtime.database, "expire_points")
    mended = await issues(till)

    assert "job_failing" not in at_first, "a failure that passes by itself is not reported"
    assert figures['job_failing_seconds{job="expire_points"}'] == 90
    assert "for 90 s (KeyError): expire_points" in said["job_failing"]
    assert "job_failing" not in mended


async def test_events_that_wait_too_long_are_said(till: Till) -> None:
    event = NewOutboxRecord(
        event_id=new_event_id(),
        aggregatetype="x",
        aggregateid="x",
        type="x",
        topic="x",
        key="x",
        headers={},
        payload="x",
        occurred_at=NOW,
        booked_at=NOW,
    )
    async with till.runtime.database.begin() as tx:
        await tx.insert_records(outbox, [event])
    till.clock.advance(timedelta(seconds=40))

    figures = await scraped(till)
    assert (figures["outbox_pending"], figures["outbox_oldest_seconds"]) == (1, 40)
    assert "1 event waits in the outbox, the oldest for 40 s" in (await issues(till))["outbox_waits"]


async def test_a_partition_that_stands_is_seen_until_it_moves(till: Till) -> None:
    position = ConsumerPositionRecord("till", PLACE.topic, partition=3, next_offset=7, moved_at=NOW)
    async with till.runtime.database.begin() as tx:
        await tx.insert_records(consumer_position, [position])
    till.clock.advance(timedelta(hours=1))
    await stopped_partitions.note(till.runtime.database, "till", PLACE, 7, "bug", "KeyError")
    till.clock.advance(timedelta(seconds=5))
    failing = (await issues(till))["partition_failing"]
    assert "has stood for 5 s: the program meets an error of its own (KeyError)" in failing
    await stopped_partitions.note(till.runtime.database, "till", PLACE, 7, "brake", "unknown_sku")

    assert (await scraped(till))['consumer_stopped_partitions{cause="brake"}'] == 1
    said = (await issues(till))["partition_braked"]
    assert "huitou.purchases/3 has stood for 5 s" in said
    assert "unknown_sku" in said
    assert "huitou dead-letters pass" in said
    assert "unknown_sku" in (await issues(till, "zh"))["partition_braked"]
    async with till.runtime.database.begin() as tx:
        await tx.execute(consumer_position.update().values(next_offset=8))
    assert (await scraped(till))['consumer_stopped_partitions{cause="brake"}'] == 0
    assert "partition_braked" not in await issues(till)


async def test_what_is_set_aside_is_counted_and_what_is_parked_too_long_said(till: Till) -> None:
    dead = record_from_bus(
        till.runtime.vault,
        "till",
        Record("huitou.purchases", 0, 0, None, (), b"", 0),
        state="dead",
        reason=Reason("unknown_sku", "Nobody knows it."),
        booked_at=NOW,
    )
    dead = replace(dead, topic=None, partition=None, offset=None)
    queued = replace(dead, id="sad_queued", state="queued")
    parked = replace(dead, id="sad_parked", state="parked", deadline_at=NOW + timedelta(hours=1))
    async with till.runtime.database.begin() as tx:
        await tx.insert_records(set_aside_table, [dead, queued, parked])
    before, said = await scraped(till), await issues(till)
    till.clock.advance(timedelta(hours=1, minutes=2))
    after = await scraped(till)

    states = [before[f'set_aside{{state="{state}"}}'] for state in ("dead", "queued", "parked")]
    assert states == [1, 1, 1]
    assert "1 record could not be applied and 1 record waits behind" in said["set_aside"]
    assert "parked_overdue" not in said
    assert (before["set_aside_overdue"], after["set_aside_overdue"]) == (0, 1)
    assert "periodic job" in (await issues(till))["parked_overdue"]


async def _look(read: Read, after: str) -> Looked:
    """One sale a look; each is worth something."""
    query = sales.select().where(sales.c.id > after).order_by(sales.c.id).limit(1)
    page: Sequence[Any] = await read.all(query)
    found = [Drift("worth_something", sale.id, "worth nothing") for sale in page if sale.amount_minor < 1]
    return Looked(found, page[-1].id if page else "")


async def test_what_contradicts_itself_counts_until_a_whole_pass_no_longer_finds_it(till: Till) -> None:
    rules = Invariants(("worth_something",), _look)
    database = till.runtime.database

    async def a_pass() -> int:
        for _ in range(4):  # one for each sale, and one that finds the end
            await rolling.look_on(rules, till.runtime)
        till.clock.advance(timedelta(seconds=10))
        async with database.read() as read:
            return (await rolling.standing(read, rules)).broken["worth_something"]

    async with database.begin() as tx:
        await tx.insert_records(sales, [SaleRecord(f"sal_{letter}", "x", 5, NOW) for letter in "abc"])
    assert await a_pass() == 0
    async with database.begin() as tx:
        await tx.execute(text("UPDATE sales SET amount_minor = 0 WHERE id = 'sal_b'"))
    assert await a_pass() == 1
    assert await a_pass() == 1
    async with database.begin() as tx:
        await tx.execute(text("UPDATE sales SET amount_minor = 5"))
    await rolling.look_on(rules, till.runtime)
    async with database.read() as read:
        assert (await rolling.standing(read, rules)).broken == {"worth_something": 1}
    assert await a_pass() == 0
    await a_pass()
    async with database.read() as read:
        known = await rolling.standing(read, rules)
    assert known.ended_at is not None
    assert known.looked_at is not None


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_a_writer_between_two_statements_of_a_look_is_no_contradiction(till: Till) -> None:
    async def look(read: Read, after: str) -> Looked:
        before = await read.scalar(select(func.count()).select_from(sales))
        async with till.runtime.database.begin() as tx:
            await tx.insert_records(sales, [SaleRecord(new_id("sal"), "x", 5, NOW)])
        same = await read.scalar(select(func.count()).select_from(sales)) == before
        return Looked((), "") if same else Looked([Drift("count", "sales", "it moved")], "")

    assert await rolling.look_on(Invariants(("count",), look), till.runtime) == 0
    assert await till.count_sales() == 1


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_the_connections_in_use_are_counted(till: Till) -> None:
    async with till.runtime.database.begin() as tx:
        await tx.run(text("SELECT 1"))
        figures = await scraped(till)
    assert figures["database_connections_max"] == 10
    assert figures["database_connections_in_use"] == 1
