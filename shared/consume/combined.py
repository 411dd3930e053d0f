"""Apply the records of several partitions of a topic in one transaction, if nothing prevents it.

Records that arrive slowly come one or two at a time to each partition. A transaction for each partition would cost more than
applying its records, so the partitions share one. It must not apply one partition after another, because it would deadlock
with a consumer that takes another order. So it takes all locks once and in the lock order, as for one batch, and moves the
positions at its end, sorted. It applies all records or none. A record that cannot be read or applied, a quarantined key, or
an error belongs to one partition. Then nothing is committed, and each partition is applied by itself
(`shared.consume.apply`), with savepoints, and with a brake that counts only its own records.
"""

from collections.abc import Iterator, Mapping, Sequence

from shared.bus import Record, TopicPartition
from shared.consume import set_aside
from shared.consume.apply import Outcome, advance, decode_batch, first_seen, leave_out_set_aside
from shared.consume.handlers import Handlers
from shared.consume.waves import waves
from shared.context import Context
from shared.db import Database

Batches = Mapping[TopicPartition, Sequence[Record]]


class Apart(Exception):
    """These batches cannot be applied together: each must be applied by itself."""


def groups(batches: Batches, records_max: int) -> Iterator[Batches]:
    """Group batches of one topic up to `records_max` records. A batch that reaches the limit forms its own group.

    A group has one topic, so that one consumer has all records of an identity, as it has when a batch is one partition.
    """
    group, size = dict[TopicPartition, Sequence[Record]](), 0
    for partition, records in sorted(batches.items()):
        topics = {grouped.topic for grouped in group}
        if group and (size + len(records) > records_max or partition.topic not in topics):
            yield group
            group, size = {}, 0
        group[partition] = records
        size += len(records)
    if group:
        yield group


async def apply_together(
    database: Database, handlers: Handlers, context: Context, batches: Batches
) -> dict[TopicPartition, Outcome]:
    """Apply these batches and move their positions in one transaction.

    Raises Apart, or the error that prevented one of the batches. Then nothing was committed.
    """
    decoded = {partition: decode_batch(records, handlers) for partition, records in batches.items()}
    if any(batch.malformed for batch in decoded.values()):
        raise Apart
    async with database.begin() as tx:
        await set_aside.lock_consumer(tx, handlers.consumer)
        await leave_out_set_aside(tx, handlers.consumer, *decoded.values())
        items = [item for batch in decoded.values() for item in batch.items]
        fresh = await first_seen(tx, database, handlers, items)
        events = [item.event for item in fresh]
        if events:
            identities = {identity for event in events for identity in event.identities}
            if await set_aside.quarantined(tx, handlers.consumer, identities):
                raise Apart
            await handlers.lock(tx, context, events)
            for wave in waves(events):
                await handlers.apply(tx, context, wave)
        for partition, records in sorted(batches.items()):
            await advance(tx, database, handlers.consumer, partition, records[-1])
    applied = {id(item) for item in fresh}
    outcomes = {}
    for partition, batch in decoded.items():
        new = sum(id(item) in applied for item in batch.items)
        repeated = batch.set_aside_before + len(batch.items) - new
        outcomes[partition] = Outcome(applied=new, repeated=repeated, skipped=batch.skipped)
    return outcomes
