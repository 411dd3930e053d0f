"""Consumer groups of the embedded bus: who reads which partition, in one process."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from shared.bus.log import Log
from shared.bus.members import drain, starts
from shared.bus.protocol import OnAssigned, OnRevoked, Record, TopicPartition

PARTITION_BYTES_MAX = 1 << 20
FETCH_BYTES_MAX = 4 << 20
FETCH_RECORDS_MAX = 2_000  # decoding more would hold up everything else on the loop


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
        self._positions: dict[TopicPartition, int] = {}  # in the order in which they are served next
        self._unplaced: set[TopicPartition] = set()
        self._paused: set[TopicPartition] = set()
        self._wake = asyncio.Event()
        self._closed = False

    @property
    def assigned(self) -> frozenset[TopicPartition]:
        """Partitions that are this member's now."""
        return frozenset(self._positions)

    @property
    def held(self) -> frozenset[TopicPartition]:
        """Assigned partitions and those that still wait for their start."""
        return self.assigned | self._unplaced

    async def fetch(self, *, records_max: int, timeout_seconds: float) -> dict[TopicPartition, list[Record]]:
        """Next records of every partition that is not paused; empty after the timeout."""
        await asyncio.sleep(
            0
        )  # a backlog is read without waiting for anything, and others live on this loop too
        deadline = time.monotonic() + timeout_seconds
        while True:
            self._wake.clear()
            if self._unplaced:
                await self._place()
            remaining = deadline - time.monotonic()
            found = self._take(records_max, refresh=remaining <= 0)
            if found or remaining <= 0:
                return found
            try:
                async with asyncio.timeout(remaining):
                    await self._wake.wait()
            except TimeoutError:
                continue  # one last look, at the file itself: another process may have written

    def pause(self, partition: TopicPartition) -> None:
        """Let `fetch` leave this partition out until `resume`."""
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
        """Nothing: no lag tool looks into an embedded log, the services' own gauges do."""

    async def close(self) -> None:
        """Leave the group; what was assigned is drained first."""
        if not self._closed:
            self._closed = True
            await self._group.leave(self)

    def wake(self) -> None:
        """Look again: something arrived, or the assignment changed."""
        self._wake.set()

    def give(self, partitions: Iterable[TopicPartition]) -> None:
        """Assign more partitions; they are read once `fetch` has asked where to start."""
        self._unplaced.update(partitions)
        self._wake.set()

    async def take_away(self, partitions: Iterable[TopicPartition]) -> None:
        """Give partitions up; returns when nothing of them is being applied."""
        lost = sorted(self.held.intersection(partitions))
        for each in lost:
            self._positions.pop(each, None)
            self._unplaced.discard(each)
            self._paused.discard(each)
        await drain(self._group.name, self.member, self._on_revoked, lost)

    async def _place(self) -> None:
        asked = sorted(self._unplaced)
        wanted = await self._on_assigned(asked)
        extents = self._log.extents(refresh=True)
        places = starts(
            self._group.name, wanted, asked, lambda each: (extents[each].first, extents[each].next)
        )
        for each in self._unplaced.intersection(asked):  # some may have been lost meanwhile
            self._positions[each] = places[each]
        self._unplaced.difference_update(asked)

    def _take(self, records_max: int, *, refresh: bool) -> dict[TopicPartition, list[Record]]:
        extents = self._log.extents(refresh=refresh)
        found: dict[TopicPartition, list[Record]] = {}
        size = count = 0
        for each in [each for each in self._positions if each not in self._paused]:
            offset = max(self._positions[each], extents[each].first)
            if offset >= extents[each].next:
                continue
            records = self._log.read(each, offset, records_max=records_max, bytes_max=PARTITION_BYTES_MAX)
            if not records:
                continue
            found[each] = records
            del self._positions[
                each
            ]  # to the end of the queue, so that a busy partition does not starve the others
            self._positions[each] = records[-1].offset + 1
            size += sum(len(record.value or b"") for record in records)
            count += len(records)
            if size >= FETCH_BYTES_MAX or count >= FETCH_RECORDS_MAX:
                break
        return found


class Group:
    """The members of one consumer group and their partitions; every partition of a topic has one reader."""

    def __init__(self, name: str, partitions: Callable[[], Iterable[TopicPartition]]) -> None:
        self.name = name
        self.members: dict[str, EmbeddedSubscription] = {}
        self._partitions = partitions
        self._rebalancing = asyncio.Lock()

    async def join(self, subscription: EmbeddedSubscription) -> None:
        """Add a member; one of the same name gives up everything, as a restarted process would."""
        async with self._rebalancing:
            former = self.members.pop(subscription.member, None)
            if former is not None:
                await former.take_away(former.held)
            self.members[subscription.member] = subscription
            await self._rebalance()

    async def leave(self, subscription: EmbeddedSubscription) -> None:
        """Remove a member and share out what it had."""
        async with self._rebalancing:
            await subscription.take_away(subscription.held)
            if self.members.get(subscription.member) is subscription:
                del self.members[subscription.member]
                await self._rebalance()

    async def _rebalance(self) -> None:
        wanted = assign(
            self._partitions(),
            {name: each.topics for name, each in self.members.items()},
            {name: each.held for name, each in self.members.items()},
        )
        await asyncio.gather(
            *(each.take_away(each.held - wanted[name]) for name, each in self.members.items())
        )
        for name, each in self.members.items():
            each.give(wanted[name] - each.held)


def assign(
    partitions: Iterable[TopicPartition],
    topics: Mapping[str, frozenset[str]],
    held: Mapping[str, frozenset[TopicPartition]],
) -> dict[str, frozenset[TopicPartition]]:
    """Share partitions among members (their `topics`), evenly within a topic, moving as few as possible (`held`)."""
    wanted: dict[str, set[TopicPartition]] = {member: set() for member in topics}
    by_topic: dict[str, list[TopicPartition]] = defaultdict(list)
    for each in sorted(partitions):
        by_topic[each.topic].append(each)
    for topic, those in by_topic.items():
        readers = sorted(member for member, subscribed in topics.items() if topic in subscribed)
        if not readers:
            continue
        shares: dict[str, set[TopicPartition]] = {reader: set(those) & held[reader] for reader in readers}
        quota = -(-len(those) // len(readers))
        for share in shares.values():
            share.difference_update(sorted(share)[quota:])
        free = [each for each in those if not any(each in share for share in shares.values())]
        for each in free:
            shares[min(readers, key=lambda reader: (len(shares[reader]), len(wanted[reader]), reader))].add(
                each
            )
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
