"""A deliberate replay: a consumer reads its topics again from the beginning.

No other member of the consumer may run meanwhile, because a running member remembers its positions and would move them
forward again. A member that has every partition of the group is alone in it. So the replay joins the group, waits until it
has every partition, sets the positions back, and leaves.
"""

import time
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select, update

from shared.bus import Bus, TopicPartition
from shared.consume.handlers import Handlers
from shared.consume.tables import consumer_position, inbox
from shared.context import WriteAudit
from shared.db import Database
from shared.speech import words

ALONE_SECONDS_MAX = 60.0
"""The longest wait for the partitions of other members. A member that died keeps its partitions for a while."""
FETCH_SECONDS = 0.5


class NotAlone(Exception):
    """Another member of the consumer runs. Nothing was changed."""

    def __init__(self, consumer: str, others: int, of: int) -> None:
        super().__init__(
            words(__name__, "consumer_not_alone", consumer=consumer, others=others, partitions=of)
        )


async def replay(
    database: Database,
    bus: Bus,
    handlers: Handlers,
    topics: Sequence[str],
    *,
    member: str,
    audit: WriteAudit,
    forget_seen: bool = False,
    alone_seconds_max: float = ALONE_SECONDS_MAX,
) -> int:
    """Set the positions of a consumer in these topics back to 0, and return the number of records it will read again.

    `audit` writes the act to the audit trail, in the transaction that does it. With `forget_seen` its inbox is emptied too, so that every event is applied again instead of recognised as a repeat.
    Raises NotAlone, BusUnavailable, RecordRefused.
    """
    wanted = set(await bus.end_offsets(handlers.topics))
    subscription = await bus.subscribe(
        handlers.consumer, handlers.topics, member=member, on_assigned=_from_the_start, on_revoked=_nothing
    )
    try:
        deadline = time.monotonic() + alone_seconds_max
        while subscription.assigned != wanted:
            if time.monotonic() > deadline:
                missing = len(wanted - subscription.assigned)
                raise NotAlone(handlers.consumer, missing, len(wanted))
            await subscription.fetch(records_max=1, timeout_seconds=FETCH_SECONDS)
        return await _set_back(database, handlers.consumer, topics, audit, forget_seen=forget_seen)
    finally:
        await subscription.close()


async def _set_back(
    database: Database, consumer: str, topics: Sequence[str], audit: WriteAudit, *, forget_seen: bool
) -> int:
    place = consumer_position.c
    mine = (place.consumer == consumer) & place.topic.in_(topics)
    async with database.begin() as tx:
        read_so_far = [offset for (offset,) in await tx.all(select(place.next_offset).where(mine))]
        await tx.execute(
            update(consumer_position)
            .where(mine)
            .values(next_offset=0, moved_at=tx.now, last_record=None, foreign_since=None)
        )
        if forget_seen:
            await tx.execute(delete(inbox).where(inbox.c.consumer == consumer))
        await audit(tx)
    return sum(read_so_far)


async def _from_the_start(_partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
    return {}


async def _nothing(_partitions: Sequence[TopicPartition]) -> None:
    return None
