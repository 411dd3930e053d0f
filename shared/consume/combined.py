"""Apply what several partitions of a topic brought in one transaction, when nothing is in the way.

Records that trickle in come one or two at a time to each partition, and a transaction for each of them would cost more
than what they say. So they share one. It does not go partition by partition, which would deadlock with a consumer that
goes in another order: all locks are taken once and in the lock order for everything in it, as within a batch, and the
positions are moved at its end, sorted. It is all or nothing. Whatever is in the way (a record that cannot be
read or applied, a quarantined key, an error) belongs to one partition, so each is then applied by itself as if this had
not been tried (`shared.consume.apply`): with savepoints, and with a brake that counts its own records.
"""

from collections.abc import Iterator, Mapping, Sequence

from shared.bus import Record, TopicPartition
from shared.consume import set_aside
from shared.consume.apply import Outcome, advance, decode_batch, leave_out_kept, not_seen
from shared.consume.handlers import Handlers
from shared.consume.waves import waves
from shared.context import Context
from shared.db import Database

Batches = Mapping[TopicPartition, Sequence[Record]]


class Apart(Exception):
    """These batches have to be applied one by one."""


def groups(batches: Batches, records_max: int) -> Iterator[Batches]:
    """The batches in few groups of one topic and at most `records_max` records; a batch as large as that is alone.

    Of one topic, so that an identity's records are all with one consumer, as they are when a batch is one partition.
    """
    group, size = dict[TopicPartition, Sequence[Record]](), 0
    for partition, records in sorted(batches.items()):
        topics = {each.topic for each in group}
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
    """Apply them and move their positions, all in one transaction.

    Raises Apart, or whatever kept one of them from being applied; then nothing was committed.
    """
    decoded = {partition: decode_batch(records, handlers) for partition, records in batches.items()}
    if any(each.malformed for each in decoded.values()):
        raise Apart
    async with database.begin() as tx:
        await set_aside.lock_consumer(tx, handlers.consumer)
        await leave_out_kept(tx, handlers.consumer, *decoded.values())
        items = [item for each in decoded.values() for item in each.items]
        fresh = await not_seen(tx, database, handlers, items)
        events = [item.event for item in fresh]
        if events:
            identities = {identity for event in events for identity in event.identities}
            if await set_aside.quarantined(tx, handlers.consumer, identities):
                raise Apart
            await handlers.lock(tx, context, events)
            for wave in waves(events):
                await handlers.apply(tx, context, wave)
        for partition, records in sorted(batches.items()):
            await advance(tx, database, handlers.consumer, partition, records[-1].offset + 1)
    applied = {id(item) for item in fresh}
    outcomes = {}
    for partition, each in decoded.items():
        new = sum(id(item) in applied for item in each.items)
        outcomes[partition] = Outcome(
            applied=new, repeated=each.kept + len(each.items) - new, skipped=each.skipped
        )
    return outcomes
