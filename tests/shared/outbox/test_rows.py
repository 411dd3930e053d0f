"""The rows of the outbox: what any router of outboxes reads, each event once, ids that only rise."""

from dataclasses import replace

import pytest
from sqlalchemy import delete, select

from shared.db import Database, failures
from shared.ids import new_id
from shared.outbox.tables import OutboxRecord, outbox
from tests.shared.ledger import purchase

DESIGNED = {
    "id", "event_id", "aggregatetype", "aggregateid", "type", "topic", "key", "headers", "payload",
    "occurred_at", "published_at",
}  # fmt: skip
READ_BY_DEBEZIUM = {"id", "aggregatetype", "aggregateid", "type", "payload"}


async def test_a_row_says_of_an_event_what_routers_and_people_ask(database: Database) -> None:
    event = purchase(new_id("cus"))
    async with database.begin() as tx:
        tx.publish(event)
    async with database.read() as read:
        record = await read.read_record(OutboxRecord, select(outbox))
    assert record is not None
    assert READ_BY_DEBEZIUM <= DESIGNED <= set(outbox.c.keys())
    assert (record.aggregateid, record.key) == (event.identity_id, event.key)
    assert (record.type, record.topic, record.occurred_at) == (
        event.type,
        event.topic.name,
        event.occurred_at,
    )
    assert record.headers["ce_id"] == str(record.event_id)
    assert record.published_at is None


async def test_an_event_id_is_there_once(database: Database) -> None:
    async with database.begin() as tx:
        tx.publish(purchase(new_id("cus")))
    async with database.read() as read:
        record = await read.read_record(OutboxRecord, select(outbox))
    assert record is not None
    again = replace(record, id=record.id + 1)
    with pytest.raises(Exception) as refused:
        async with database.begin() as tx:
            await tx.insert_records(outbox, [again])
    assert failures.is_row_refused(refused.value)


async def test_an_id_is_never_given_again_after_everything_was_pruned(database: Database) -> None:
    """A new row under the id of an old one would be below the floor, or be taken for sent."""
    last = 0
    for _ in range(3):
        async with database.begin() as tx:
            tx.publish(purchase(new_id("cus")))
        async with database.begin() as tx:
            found = await tx.scalar(select(outbox.c.id))
            await tx.execute(delete(outbox))
        assert found is not None
        assert found > last
        last = found
