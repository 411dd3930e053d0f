"""An operator sees what the brake holds, and lets it pass over HTTP."""

from typing import Any

from sqlalchemy import select

from shared.bus import TopicPartition
from shared.consume import stopped_partitions
from shared.consume.tables import (
    BrakedBatchRecord,
    ConsumerPositionRecord,
    Refusals,
    allowed_batch,
    consumer_position,
)
from tests.parts import tokens
from tests.parts.till import NOW, Till

PLACE = TopicPartition("huitou.purchases", 3)
BATCH = BrakedBatchRecord("till", PLACE.topic, 3, 7, 27, 20, 12, 1, (Refusals(None, "unknown_sku", 12),))
BODY = {
    "consumer": "till",
    "topic": PLACE.topic,
    "partition": 3,
    "from_offset": 7,
    "until_offset": 27,
    "dead": 12,
}


async def _stop(till: Till) -> None:
    position = ConsumerPositionRecord("till", PLACE.topic, partition=3, next_offset=7, moved_at=NOW)
    async with till.runtime.database.begin() as tx:
        await tx.insert_records(consumer_position, [position])
    await stopped_partitions.note(till.runtime.database, "till", PLACE, 7, "brake", "unknown_sku", BATCH)


async def _ask(till: Till, language: str = "en", **changes: Any) -> tuple[int, Any]:
    async with till.client(tokens.operator("admin", name="ana")) as client:
        answer = await client.post(
            "/v1/stopped-partitions:pass", json=BODY | changes, headers={"Accept-Language": language}
        )
    return answer.status_code, answer.json() if answer.content else None


async def test_what_the_brake_holds_is_shown_and_let_pass_by_somebody(till: Till) -> None:
    await _stop(till)
    async with till.client() as client:
        (shown,) = (await client.get("/v1/stopped-partitions")).json()["items"]

    assert (shown["cause"], shown["code"], shown["partition"]) == ("brake", "unknown_sku", 3)
    assert shown["batch"] == {
        "from_offset": 7, "until_offset": 27, "records": 20, "dead": 12, "queued": 1,
        "refusals": [{"type": None, "code": "unknown_sku", "records": 12}],
    }  # fmt: skip
    assert await _ask(till) == (204, None)
    async with till.client() as client:
        (passed,) = (await client.get("/v1/stopped-partitions")).json()["passed"]
    assert (passed["allowed_by"], passed["from_offset"], passed["dead"]) == ("operator:ana", 7, 12)
    async with till.runtime.database.read() as read:
        assert ":ana" not in str(await read.scalar(select(allowed_batch.c.allowed_by)))


async def test_a_batch_that_is_not_held_so_does_not_pass(till: Till) -> None:
    status, problem = await _ask(till)
    assert (status, problem["code"]) == (409, "not_braked")
    await _stop(till)

    status, problem = await _ask(till, from_offset=6)
    assert (status, problem["code"]) == (409, "other_batch")
    status, problem = await _ask(till, "zh", dead=13)
    assert (status, problem["code"]) == (409, "other_batch")
    assert "重新查看" in problem["detail"]
    async with till.runtime.database.read() as read:
        assert await read.all(select(allowed_batch.c.id)) == []
