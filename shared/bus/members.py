"""The rules that both buses share: a refused send, the size of a record, the start positions of a group member, and draining."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from shared.bus.protocol import BusUnavailable, Message, OnRevoked, RecordRefused, TopicPartition, size_of
from shared.limits import RECORD_BYTES_MAX
from shared.speech import words

DRAIN_SECONDS_MAX = 30.0
"""Seconds that a rebalance waits for a member to finish its batch. Going on is safe: its database holds the position."""

_log = logging.getLogger(__name__)


def refuse_too_large(messages: Iterable[Message]) -> None:
    """Raise RecordRefused if one of the messages is larger than a record may be."""
    for message in messages:
        if size_of(message) > RECORD_BYTES_MAX:
            raise RecordRefused(
                f"a record of {size_of(message):,} bytes is over the limit of {RECORD_BYTES_MAX:,}"
            )


def held_back(error: Exception) -> BusUnavailable:
    """Return the error of a producer whose guard refused to let records leave."""
    return BusUnavailable(
        f"the guard of this producer let nothing leave: {str(error) or type(error).__name__}"
    )


async def drain(group: str, member: str, on_revoked: OnRevoked, partitions: Sequence[TopicPartition]) -> None:
    """Call `on_revoked` and wait for it, DRAIN_SECONDS_MAX at most, because the other members wait meanwhile."""
    if not partitions:
        return
    try:
        async with asyncio.timeout(DRAIN_SECONDS_MAX):
            await on_revoked(partitions)
    except TimeoutError:
        _log.warning(
            "%s of %s has not drained within %.0f s; its partitions move on", member, group, DRAIN_SECONDS_MAX
        )
    except Exception:  # noqa: BLE001 the partitions are lost in any case, and one member's bug must not stop the group
        _log.exception("%s of %s failed while giving up partitions", member, group)


def starts(
    group: str,
    wanted: Mapping[TopicPartition, int],
    partitions: Sequence[TopicPartition],
    extent: Callable[[TopicPartition], tuple[int, int]],
) -> dict[TopicPartition, int]:
    """Return the start offset of each partition: the wanted offset, but not below the oldest record.

    `extent` gives a partition's oldest and next offset. Raises BusUnavailable if a wanted offset is beyond the end. Then
    the log is not the one that the database has read, and any start would be a guess.
    """
    places: dict[TopicPartition, int] = {}
    for partition in partitions:
        first, end = extent(partition)
        places[partition] = max(wanted.get(partition, 0), first)
        if places[partition] > end:
            place = f"{partition.topic}/{partition.partition}"
            raise BusUnavailable(
                words(
                    __name__,
                    "position_beyond_end",
                    group=group,
                    position=places[partition],
                    place=place,
                    end=end,
                )
            )
    return places
