"""The producer for Kafka. It builds its own batches, sends one at a time per partition, and can drop its queue."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.client import ConnectionGroup
from aiokafka.errors import KafkaError, NodeNotReadyError, ProducerClosed
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.protocol.produce import ProduceRequest

from shared.bus.kafka.failures import HeldBack, OtherConnection, cut, ended, name, translated_errors
from shared.bus.members import refuse_too_large
from shared.bus.protocol import BusUnavailable, Guard, Message, RecordRefused

BATCH_BYTES_MAX = 512 * 1024  # before compression; well under Kafka's own limit for a batch, 1 MiB
SEND_SECONDS_MAX = 10
OPEN_SECONDS_MAX = 15
CLOSE_SECONDS_MAX = 5


class KafkaProducer:
    """An idempotent producer with acks=all. After any error only `abandon` may be called.

    aiokafka keeps sending queued batches after an earlier batch of the same partition has failed. That would break the
    order of a key. So there is one outstanding batch per partition, and a producer that has failed is not used again.
    """

    def __init__(
        self,
        servers: str,
        partitions: Callable[[str], Awaitable[int]],
        guard: Guard,
        *,
        access: Mapping[str, Any] | None = None,
        on_dropped: Callable[["KafkaProducer"], None] = lambda _: None,
    ) -> None:
        """Create a producer without connecting it. `partitions` returns the number of partitions of a topic, or refuses it.

        `access` are the options of the client for its security.
        """
        self._servers = servers
        self._partitions = partitions
        self._guard = guard
        self._on_dropped = on_dropped
        self._inner = AIOKafkaProducer(
            bootstrap_servers=servers,
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            max_batch_size=BATCH_BYTES_MAX,
            request_timeout_ms=SEND_SECONDS_MAX * 1000,
            **(access or {}),
        )
        self._failed = False
        self._requests: set[asyncio.Task[None]] = set()
        self._connections: dict[int, object] = {}
        """The connection to each node over which records were sent."""
        self._request = self._inner._sender._send_produce_req
        self._inner._sender._send_produce_req = self._requested
        self._ask = self._inner.client.send
        self._inner.client.send = self._guarded

    async def open(self) -> "KafkaProducer":
        """Connect and get a producer id."""
        try:
            with translated_errors(self._servers, "a producer connects"):
                async with asyncio.timeout(OPEN_SECONDS_MAX):
                    await self._inner.start()
        except BaseException:
            await self.abandon()
            raise
        return self

    async def send(self, topic: str, partition: int, messages: Sequence[Message]) -> int | None:
        """Append the messages in order, and return the offset behind the last when all required replicas have them."""
        if self._failed:
            raise BusUnavailable("this producer has failed or was closed; open another")
        refuse_too_large(messages)
        if partition >= await self._partitions(topic):
            raise RecordRefused(f"the topic {topic} has no partition {partition}")
        end: int | None = None
        try:
            with translated_errors(self._servers, f"records are sent to {topic}/{partition}"):
                for batch in batches(messages, self._inner.create_batch):
                    async with asyncio.timeout(2 * SEND_SECONDS_MAX):
                        acknowledged = await self._inner.send_batch(batch, topic, partition=partition)
                        end = _end((await acknowledged).offset, batch)
        except BaseException:  # also when cancelled, because then a queued batch has no waiter
            self._failed = True
            raise
        return end

    async def close(self) -> None:
        """Wait for the messages that are being sent, then disconnect."""
        self._failed = True
        await ended(self._inner.stop(), seconds_max=CLOSE_SECONDS_MAX)
        await self._drop()

    async def abandon(self) -> None:
        """Disconnect at once. Queued messages are dropped; messages on their way may still arrive."""
        self._failed = True
        await self._drop()

    async def _requested(self, node: int, carried: Any) -> None:
        """Send a request of aiokafka, and remember its task, because aiokafka does not end that task and we must."""
        task = asyncio.current_task()
        assert task is not None, "requests are made in tasks of their own"
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)
        await self._request(node, carried)

    async def _guarded(self, node: int, request: Any, **options: Any) -> Any:
        """Send any request of aiokafka, retries included, without any wait between the guard and the sending."""
        if isinstance(request, ProduceRequest):
            if not await self._inner.client.ready(node):
                raise NodeNotReadyError(f"node {node} is not connected")
            self._refuse_another_connection(node)
            try:
                self._guard()
            except Exception as error:
                raise HeldBack(name(error)) from error
        return await self._ask(node, request, **options)

    def _refuse_another_connection(self, node: int) -> None:
        """Raise OtherConnection if the client has connected anew to a node. The broker there may be an older copy."""
        connection = self._inner.client._conns[node, ConnectionGroup.DEFAULT]
        if self._connections.setdefault(node, connection) is not connection:
            raise OtherConnection("the client has connected anew")

    async def _drop(self) -> None:
        # aiokafka's `stop` always flushes the queue. So its parts are ended one by one, the queue last. The tasks come
        # first, because a connection that is being opened belongs to its task.
        inner = self._inner
        inner._closed = True
        sender = inner._sender.sender_task
        working = [*self._requests, *([] if sender is None else [sender])]
        for task in working:
            task.cancel()
        cut(inner.client)
        await ended(inner.client.close(), seconds_max=CLOSE_SECONDS_MAX)
        if working:
            await asyncio.wait(working, timeout=CLOSE_SECONDS_MAX)
        queue = inner._message_accumulator
        queued = [*queue._pending_batches, *itertools.chain.from_iterable(queue._batches.values())]
        queue._pending_batches.update(queued)  # `fail_all` looks here for a batch that waits for a retry
        queue.fail_all(ProducerClosed())
        for batch in queued:
            for future in (batch.future, batch._drain_waiter):
                if future.done() and not future.cancelled():
                    future.exception()  # otherwise asyncio reports the exception as never retrieved
        self._on_dropped(self)


def _end(offset: int, batch: BatchBuilder) -> int:
    """Return the offset behind a batch. A broker that takes it for a repeat may not know any more where it stands."""
    if offset < 0:
        raise KafkaError("records were acknowledged without their offset")
    return offset + int(batch.record_count())


def batches(messages: Sequence[Message], create: Callable[[], BatchBuilder]) -> Iterator[BatchBuilder]:
    """Pack messages in order into as few batches as possible."""
    batch = create()
    for message in messages:
        key = None if message.key is None else message.key.encode()
        headers = list(message.headers)
        if batch.append(timestamp=None, key=key, value=message.value, headers=headers) is None:
            yield batch
            batch = create()
            if batch.append(timestamp=None, key=key, value=message.value, headers=headers) is None:
                raise RecordRefused("a record does not fit into an empty batch")
    if batch.record_count():
        batch.close()
        yield batch
