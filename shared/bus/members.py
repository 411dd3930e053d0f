"""What both buses do alike: for a producer that is held back, and for a member of a consumer group, who starts where its
database says and drains before it gives up."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from shared.bus.protocol import BusUnavailable, OnRevoked, TopicPartition

DRAIN_SECONDS_MAX = 30.0
"""How long a rebalance waits for a member to finish its batch; the position in its database makes going on safe."""

_log = logging.getLogger(__name__)


def held_back(error: Exception) -> BusUnavailable:
    """What a producer raises whose guard did not let records leave."""
    return BusUnavailable(
        f"the guard of this producer let nothing leave: {str(error) or type(error).__name__}"
    )


async def drain(group: str, member: str, on_revoked: OnRevoked, partitions: Sequence[TopicPartition]) -> None:
    """Call `on_revoked` and wait for it, but not for ever: the other members wait too."""
    if not partitions:
        return
    try:
        async with asyncio.timeout(DRAIN_SECONDS_MAX):
            await on_revoked(partitions)
    except TimeoutError:
        _log.warning(
            "%s of %s has not drained within %.0f s; its partitions move on", member, group, DRAIN_SECONDS_MAX
        )
    except Exception:  # noqa: BLE001 the partitions are lost whatever it is; one member's bug must not stop the group
        _log.exception("%s of %s failed while giving up partitions", member, group)


def starts(
    group: str,
    wanted: Mapping[TopicPartition, int],
    partitions: Sequence[TopicPartition],
    extent: Callable[[TopicPartition], tuple[int, int]],
) -> dict[TopicPartition, int]:
    """Where to start each partition: as wanted, or at the oldest record kept.

    `extent` gives a partition's oldest and next offset. Raises BusUnavailable when a wanted offset is beyond the end:
    then the log is not the one the database has seen, and starting anywhere would be a guess.
    """
    places: dict[TopicPartition, int] = {}
    for each in partitions:
        first, end = extent(each)
        places[each] = max(wanted.get(each, 0), first)
        if places[each] > end:
            raise BusUnavailable(
                f"{group} has read up to {places[each]} of {each.topic}/{each.partition}, which ends at {end}: the bus is older "
                "than the database; restore both from one backup, or set the position back on purpose"
            )
    return places
