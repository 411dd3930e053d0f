"""Consumer groups of the embedded bus: they share the partitions among the members in one process."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from shared.bus.log import Log
from shared.bus.members import drain, starts
from shared.bus.protocol import OnAssigned, OnRevoked, Record, TopicPartition

PARTITION_BYTES_MAX = 1 << 20
FETCH_BYTES_MAX = 4 << 20
FETCH_RECORDS_MAX = 2_000  # decoding more would block the event loop for too long


class EmbeddedSubscription:
    """A member of a group of the embedded bus."""

    def __init__(
        self,
        log: Log,
        group: "Group",
        topics: Sequence[str],
        *,
        member: str,
        on_assigned: OnAssigned,
        on_revoked: OnRevoked,
    ) -> None:
        self.member = member
        self.topics = frozenset(topics)
        self._log = log
        self._group = group
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        self._positions: dict[TopicPartition, int] = {}  # in the order in which `fetch` reads them next
        self._unplaced: set[TopicPartition] = set()
        self._paused: set[TopicPartition] = set()
        self._wake = asyncio.Event()
        self._closed = False

    @property
    def assigned(self) -> frozenset[TopicPartition]:
        """Return the partitions that this member has now."""
        return frozenset(self._positions)

    @property
    def held(self) -> frozenset[TopicPartition]:
        """Return the assigned partitions, and those that still wait for their start offset."""
        return self.assigned | self._unplaced

    async def fetch(self, *, records_max: int, timeout_seconds: float) -> dict[TopicPartition, list[Record]]:
        """Return the next records of every partition that is not paused, or nothing after the timeout."""
        # A backlog is read without waiting for anything, and other tasks of this loop need a turn.
        await asyncio.sleep(0)
        deadline = time.monotonic() + timeout_seconds
        while True:
            self._wake.clear()
            if self._unplaced:
                await self._place()
            remaining = deadline - time.monotonic()
            records = self._take(records_max, refresh=remaining <= 0)
            if records or remaining <= 0:
                return records
            try:
                async with asyncio.timeout(remaining):
                    await self._wake.wait()
            except TimeoutError:
                continue  # look once more, at the file itself, because another process may have written

    def pause(self, partition: TopicPartition) -> None:
        """Leave this partition out of `fetch` until `resume`."""
        if partition in self._positions:
            self._paused.add(partition)

    def resume(self, partition: TopicPartition) -> None:
        """Undo `pause`."""
        self._paused.discard(partition)
        self._wake.set()

    async def seek(self, partition: TopicPartition, offset: int) -> None:
        """Continue this partition at `offset`."""
        if partition in self._positions:
            self._positions[partition] = offset
            self._wake.set()

    async def report(self, positions: Mapping[TopicPartition, int]) -> None:
        """Do nothing: no lag tool reads an embedded log, and the services have gauges of their own."""

    async def close(self) -> None:
        """Leave the group after the assigned partitions are drained."""
        if not self._closed:
            self._closed = True
            await self._group.leave(self)

    def wake(self) -> None:
        """Let `fetch` look again, because a record arrived or the assignment changed."""
        self._wake.set()

    def give(self, partitions: Iterable[TopicPartition]) -> None:
        """Assign more partitions. `fetch` reads them after it has asked for their start offsets."""
        self._unplaced.update(partitions)
        self._wake.set()

    async def take_away(self, partitions: Iterable[TopicPartition]) -> None:
        """Give partitions up, and return when none of their records is being applied."""
        lost = sorted(self.held.intersection(partitions))
        for partition in lost:
            self._positions.pop(partition, None)
            self._unplaced.discard(partition)
            self._paused.discard(partition)
        await drain(self._group.name, self.member, self._on_revoked, lost)

    async def _place(self) -> None:
        asked = sorted(self._unplaced)
        wanted = await self._on_assigned(asked)
        extents = self._log.extents(refresh=True)
        places = starts(
            self._group.name,
            wanted,
            asked,
            lambda partition: (extents[partition].first, extents[partition].next),
        )
        for partition in self._unplaced.intersection(asked):  # some may have been lost meanwhile
            self._positions[partition] = places[partition]
        self._unplaced.difference_update(asked)

    def _take(self, records_max: int, *, refresh: bool) -> dict[TopicPartition, list[Record]]:
        extents = self._log.extents(refresh=refresh)
        taken: dict[TopicPartition, list[Record]] = {}
        size = count = 0
        for partition in [partition for partition in self._positions if partition not in self._paused]:
            offset = max(self._positions[partition], extents[partition].first)
            if offset >= extents[partition].next:
                continue
            records = self._log.read(
                partition, offset, records_max=records_max, bytes_max=PARTITION_BYTES_MAX
            )
            if not records:
                continue
            taken[partition] = records
            # The partition moves to the end of the queue, so that a busy one does not starve the others.
            del self._positions[partition]
            self._positions[partition] = records[-1].offset + 1
            size += sum(len(record.value or b"") for record in records)
            count += len(records)
            if size >= FETCH_BYTES_MAX or count >= FETCH_RECORDS_MAX:
                break
        return taken


class Group:
    """The members of one consumer group and their partitions. Each partition of a topic has one reader."""

    def __init__(self, name: str, partitions: Callable[[], Iterable[TopicPartition]]) -> None:
        self.name = name
        self.members: dict[str, EmbeddedSubscription] = {}
        self._partitions = partitions
        self._rebalancing = asyncio.Lock()

    async def join(self, subscription: EmbeddedSubscription) -> None:
        """Add a member. A member of the same name gives up everything first, as if its process had been restarted."""
        async with self._rebalancing:
            former = self.members.pop(subscription.member, None)
            if former is not None:
                await former.take_away(former.held)
            self.members[subscription.member] = subscription
            await self._rebalance()

    async def leave(self, subscription: EmbeddedSubscription) -> None:
        """Remove a member and share its partitions among the others."""
        async with self._rebalancing:
            await subscription.take_away(subscription.held)
            if self.members.get(subscription.member) is subscription:
                del self.members[subscription.member]
                await self._rebalance()

    async def _rebalance(self) -> None:
        wanted = assign(
            self._partitions(),
            {name: member.topics for name, member in self.members.items()},
            {name: member.held for name, member in self.members.items()},
        )
        await asyncio.gather(
            *(member.take_away(member.held - wanted[name]) for name, member in self.members.items())
        )
        for name, member in self.members.items():
            member.give(wanted[name] - member.held)


def assign(
    partitions: Iterable[TopicPartition],
    topics: Mapping[str, frozenset[str]],
    held: Mapping[str, frozenset[TopicPartition]],
) -> dict[str, frozenset[TopicPartition]]:
    """Share partitions among the members, evenly within a topic, and move as few as possible.

    `topics` has the topics that each member reads, `held` the partitions that it has now.
    """
    wanted: dict[str, set[TopicPartition]] = {member: set() for member in topics}
    by_topic: dict[str, list[TopicPartition]] = defaultdict(list)
    for partition in sorted(partitions):
        by_topic[partition.topic].append(partition)
    for topic, of_topic in by_topic.items():
        readers = sorted(member for member, subscribed in topics.items() if topic in subscribed)
        if not readers:
            continue
        shares: dict[str, set[TopicPartition]] = {reader: set(of_topic) & held[reader] for reader in readers}
        quota = -(-len(of_topic) // len(readers))
        for share in shares.values():
            share.difference_update(sorted(share)[quota:])
        taken = set().union(*shares.values())
        free = [partition for partition in of_topic if partition not in taken]
        for partition in free:
            reader = min(readers, key=lambda reader: (len(shares[reader]), len(wanted[reader]), reader))
            shares[reader].add(partition)
        _level(shares)
        for reader, share in shares.items():
            wanted[reader] |= share
    return {member: frozenset(share) for member, share in wanted.items()}


def _level(shares: dict[str, set[TopicPartition]]) -> None:
    """Move single partitions from the largest share to the smallest until they differ by at most one."""
    for _ in range(sum(map(len, shares.values()))):
        least = min(shares, key=lambda reader: (len(shares[reader]), reader))
        most = max(shares, key=lambda reader: (len(shares[reader]), reader))
        if len(shares[most]) - len(shares[least]) <= 1:
            return
        moved = max(shares[most])
        shares[most].remove(moved)
        shares[least].add(moved)
