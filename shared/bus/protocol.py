"""The protocol of an event bus. `embedded` and `kafka` implement it, and one conformance suite tests both."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from shared.speech import words


class BusUnavailable(Exception):
    """The bus cannot serve now. The text says what is wrong and what to do. The caller should try again later."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A place where stored records are not what was written."""

    where: str
    """The file, or the partition and the offset of the first record that is not right."""
    what: str
    """The fault that was found there."""
    is_file: bool = False
    """Whether the file cannot be read at all."""


class BusDamaged(BusUnavailable):
    """Stored records are not what was written, or missing. Nobody guesses them or goes on behind them."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(words(__name__, "bus_damaged", where=damage.where, what=damage.what))
        self.damage = damage


class LogNewer(BusUnavailable):
    """The log was written by a newer version of the product."""


class ConnectedAnew(BusUnavailable):
    """The producer has lost its connection, and nothing was sent over the new one: the log behind it may be an older copy.

    Look what it holds, then go on with a new producer.
    """


class RecordRefused(Exception):
    """The bus will never accept this record: it is too large, or its topic or partition does not exist."""


@dataclass(frozen=True, slots=True)
class Message:
    """A record to be sent. Our own records always have a key and a value; Kafka's protocol also allows None."""

    key: str | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was received. A header that a foreign producer sent as null reads as empty bytes."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None
    timestamp_ms: int


def size_of(message: Message) -> int:
    """Return the bytes of key, headers and value together, which RECORD_BYTES_MAX limits."""
    headers = sum(len(name) + len(value) for name, value in message.headers)
    return len(message.key or "") + headers + len(message.value or b"")


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a partition: its next offset, and its last records, the oldest first."""

    end: int
    records: Sequence[Record]
    first: int = 0
    """The offset of the oldest record; the end if there is none."""


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """How a bus keeps a topic. The defaults keep every record for ever."""

    partitions: int
    policy: str = "delete"
    """Kafka's `cleanup.policy`. With `compact` a topic keeps only the last record of each key."""
    retention_ms: int = -1
    retention_bytes: int = -1
    """The time and the size up to which records are kept; -1: without a limit."""
    unclean: bool = False
    """Whether a replica that lacks acknowledged records may become the leader."""
    readable: bool = True
    """Whether this process may read the settings; otherwise only the number of partitions is known."""


Guard = Callable[[], None]
"""A check at the last moment before records leave this process. If it raises, no record leaves."""


def unguarded() -> None:
    """Let records leave at any time."""


OnAssigned = Callable[[Sequence[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]
OnRevoked = Callable[[Sequence[TopicPartition]], Awaitable[None]]


class Producer(Protocol):
    """A producer sends records. The caller keeps at most ONE outstanding `send` per partition, so the order is kept."""

    async def send(self, topic: str, partition: int, messages: Sequence[Message]) -> int | None:
        """Append the messages in order, and return the offset behind the last when all are durably acknowledged.

        It is None if there are no messages.

        Raises BusUnavailable if the bus does not serve or the guard refuses. Then the first messages may have been
        written: send again on a new producer, from the first message that is not marked as sent. Raises RecordRefused if
        no message was written.
        """

    async def close(self) -> None:
        """Wait for the messages that are being sent, then release the producer."""

    async def abandon(self) -> None:
        """Drop the producer at once. Queued messages are not sent any more."""


class Subscription(Protocol):
    """One member of a consumer group. `fetch` never blocks a rebalance. When `on_revoked` returns, its work is done."""

    @property
    def assigned(self) -> frozenset[TopicPartition]:
        """Return the partitions of this member: from the return of `on_assigned` to the call of `on_revoked`."""

    async def fetch(self, *, records_max: int, timeout_seconds: float) -> dict[TopicPartition, list[Record]]:
        """Return the next records, at most `records_max` per partition, or nothing after the timeout.

        `fetch` returns at once when a record arrives, and moves the position behind the records that it returns. Call it
        also while partitions are paused, because the calls show the group that this member is alive.

        `fetch` calls `on_assigned` for new partitions, and raises what `on_assigned` raises. It raises BusUnavailable if
        the bus does not serve, or if a start position is beyond the end. Both are transient: call it again after a while.
        A partition can be lost before its batch is applied: check `assigned`, and let the position in the database decide.
        """

    def pause(self, partition: TopicPartition) -> None:
        """Leave this partition out of `fetch` until `resume`. It has no effect if the partition is not assigned."""

    def resume(self, partition: TopicPartition) -> None:
        """Undo `pause`."""

    async def seek(self, partition: TopicPartition, offset: int) -> None:
        """Continue this partition at `offset`. It has no effect if the partition is not assigned."""

    async def report(self, positions: Mapping[TopicPartition, int]) -> None:
        """Report the next offsets to the broker, for lag tools only. A failure is harmless and is not raised."""

    async def close(self) -> None:
        """Leave the group. `on_revoked` is called for the assigned partitions, then other members may take them."""


class Bus(Protocol):
    """A durable, partitioned log of records, shared by producers and groups of consumers."""

    async def ensure_topics(self, topics: Mapping[str, int]) -> None:
        """Create the topics that are missing, with that many partitions and unlimited retention."""

    async def producer(self, guard: Guard = unguarded) -> Producer:
        """Return a new producer, which sends records only while `guard` allows it. Raises BusUnavailable."""

    async def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        *,
        member: str,
        on_assigned: OnAssigned,
        on_revoked: OnRevoked,
    ) -> Subscription:
        """Join a group as `member`, a name that is unique in the group and the same after a restart.

        `on_assigned` is called within `fetch`. It returns the offsets to start at, from the caller's database. A partition
        without an offset starts at its earliest record. `on_revoked` is called from another task, or within `close`, after
        the partitions have left `assigned`. It returns when none of their records is being applied any more, after 30 s at
        most. Raises BusUnavailable, and RecordRefused for a topic that does not exist.
        """

    async def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Return the next offset of every partition of these topics. Raises BusUnavailable, RecordRefused."""

    async def tails(self, topics: Sequence[str], records_max: int) -> dict[TopicPartition, Tail]:
        """Return the end of every partition of these topics. Raises BusUnavailable, RecordRefused."""

    async def look_back(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, Tail]:
        """Return the extent of each of these partitions, and with it the record before the given offset, if there is one.

        A partition that does not exist is left out. Raises BusUnavailable, RecordRefused.
        """

    async def partitions(self, topic: str) -> int:
        """Return the number of partitions of a topic. Raises BusUnavailable, RecordRefused."""

    async def settings(self, topics: Sequence[str]) -> dict[str, TopicSettings]:
        """Return how these topics are kept now, which an administrator may change. Raises BusUnavailable, RecordRefused."""

    async def read(self, partition: TopicPartition, offset: int, records_max: int) -> list[Record]:
        """Return records from `offset` on, for tools and outside any group. Raises BusUnavailable, RecordRefused."""

    async def prune(self, partition: TopicPartition, before: int) -> None:
        """Delete the records below an offset; later offsets do not change. Raises BusUnavailable, RecordRefused."""

    async def writable(self, topics: Sequence[str]) -> Sequence[str]:
        """Return those of these topics of other services that this process may write to all the same."""
        ...

    @property
    def damage(self) -> Damage | None:
        """Return the first damage of stored records that was met since the start, if this bus keeps them itself."""

    async def examine(self, topics: Sequence[str]) -> Sequence[Damage]:
        """Read all stored records of these topics, and return the first damage of each partition.

        A broker checks its records by itself: then there is nothing to read. Raises BusUnavailable.
        """

    async def check(self) -> None:
        """Return if the bus serves. Raises BusUnavailable with the reason if it does not."""

    async def close(self) -> None:
        """Close the producers and subscriptions of this bus, then release everything else that it opened."""
