"""What the product asks of an event bus; `embedded` and `kafka` implement it, one conformance suite holds both to it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

"""Largest key + headers + value of one record; Kafka's default `message.max.bytes` is a little above it."""


class BusUnavailable(Exception):
    """The bus cannot serve now; the text says what is wrong and what to do. Trying again later is right."""


class RecordRefused(Exception):
    """The bus will never take this: too large, or a topic or partition it does not have. Trying again is useless."""


@dataclass(frozen=True, slots=True)
class Message:
    """A record to be sent. Our own always have key and value; None exists because Kafka's protocol has it."""

    key: str | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was received; a header sent as null by a stranger reads as empty bytes."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None
    timestamp_ms: int


def size_of(message: Message) -> int:
    """Bytes of key, headers and value together, which RECORD_BYTES_MAX limits."""
    headers = sum(len(name) + len(value) for name, value in message.headers)
    return len(message.key or "") + headers + len(message.value or b"")


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


Guard = Callable[[], None]
"""Asked at the last moment before records leave this process: while it raises, none leaves."""


def unguarded() -> None:
    """Let records leave at any time."""


OnAssigned = Callable[[Sequence[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]
OnRevoked = Callable[[Sequence[TopicPartition]], Awaitable[None]]


class Producer(Protocol):
    """Sends records; the caller keeps at most ONE outstanding `send` a partition, so records never overtake."""

    async def send(self, topic: str, partition: int, messages: Sequence[Message]) -> None:
        """Append in order; return when all are durably acknowledged.

        Raises BusUnavailable (some prefix of the messages may have been written: read again from the first that is not
        marked and send on a new producer; the guard's refusal is one, too) or RecordRefused (none was written).
        """

    async def close(self) -> None:
        """Wait for what is being sent, then release the producer."""

    async def abandon(self) -> None:
        """Drop the producer at once; nothing that is queued is sent any more."""


class Subscription(Protocol):
    """One member of a consumer group. `fetch` never blocks a rebalance, `on_revoked` has drained before it ends."""

    @property
    def assigned(self) -> frozenset[TopicPartition]:
        """Partitions that are this member's now: after `on_assigned` returned and before `on_revoked` is called."""

    async def fetch(self, *, records_max: int, timeout_seconds: float) -> dict[TopicPartition, list[Record]]:
        """Next records, at most `records_max` a partition; empty after the timeout. Wakes at once when one arrives.

        Moves the position behind what it returns. Keep calling it while partitions are paused: it is the sign of life.
        Calls `on_assigned` for partitions that are new, and raises what that raises; raises BusUnavailable when the bus
        does not serve or a start is beyond the end. Both are transient: call it again after a while. A partition can be
        lost between `fetch` and its batch: look at `assigned`, and let the position in the database decide.
        """

    def pause(self, partition: TopicPartition) -> None:
        """Let `fetch` leave this partition out until `resume`; no-op when it is not assigned."""

    def resume(self, partition: TopicPartition) -> None:
        """Undo `pause`."""

    async def seek(self, partition: TopicPartition, offset: int) -> None:
        """Continue this partition at `offset`; no-op when it is not assigned."""

    async def report(self, positions: Mapping[TopicPartition, int]) -> None:
        """Tell the broker the next offsets, for lag tools only; a failure costs nothing and is not raised."""

    async def close(self) -> None:
        """Leave: `on_revoked` is called for what is assigned, then others may take it."""


class Bus(Protocol):
    """A durable, partitioned log of records, shared by producers and groups of consumers."""

    async def ensure_topics(self, topics: Mapping[str, int]) -> None:
        """Create the topics that are missing, with that many partitions and unlimited retention."""

    async def producer(self, guard: Guard = unguarded) -> Producer:
        """A new producer, whose records leave only while `guard` lets them. Raises BusUnavailable."""

    async def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        *,
        member: str,
        on_assigned: OnAssigned,
        on_revoked: OnRevoked,
    ) -> Subscription:
        """Join a group as `member` (stable across restarts, unique in the group).

        `on_assigned` is called within `fetch` and answers the offsets to start at, from the caller's database; 0, or the
        earliest kept, where it gives none. `on_revoked` is called from another task, or within `close`, when the
        partitions have already left `assigned`; it returns when nothing of them is being applied any more (at most 30 s).
        Raises BusUnavailable, RecordRefused for a topic that does not exist.
        """

    async def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """The next offset of every partition of these topics. Raises BusUnavailable, RecordRefused."""

    async def partitions(self, topic: str) -> int:
        """How many partitions the topic has. Raises BusUnavailable, RecordRefused."""

    async def read(self, partition: TopicPartition, offset: int, records_max: int) -> list[Record]:
        """Records from `offset` on, outside any group, for tools; empty at the end. Raises BusUnavailable, RecordRefused."""

    async def prune(self, partition: TopicPartition, before: int) -> None:
        """Delete records below an offset for good; offsets of later ones stay. Raises BusUnavailable, RecordRefused."""

    async def check(self) -> None:
        """Return if the bus serves; raise BusUnavailable with the reason if not."""

    async def close(self) -> None:
        """Release everything this bus opened; its producers and subscriptions are closed first."""
