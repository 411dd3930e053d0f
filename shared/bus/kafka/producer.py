"""Sends batches of our own making, one at a time a partition, and can be dropped with nothing queued."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.protocol.produce import ProduceRequest

from shared.bus.kafka.words import HeldBack, cut, ended, in_words, name
from shared.bus.protocol import BusUnavailable, Guard, Message, RecordRefused, size_of
from shared.limits import RECORD_BYTES_MAX

BATCH_BYTES_MAX = 512 * 1024  # before compression; well under Kafka's own limit for a batch, 1 MiB
SEND_SECONDS_MAX = 10
OPEN_SECONDS_MAX = 15
CLOSE_SECONDS_MAX = 5


class KafkaProducer:
    """An idempotent producer with acks=all. After any error it is good for nothing but `abandon`.

    aiokafka keeps sending what is queued after an earlier batch of the same partition has failed, so the order of a
    key would be lost: hence one outstanding batch a partition, and no second chance for a producer that has failed.
    """

    def __init__(
        self,
        servers: str,
        partitions: Callable[[str], Awaitable[int]],
        guard: Guard,
        *,
        on_dropped: Callable[["KafkaProducer"], None] = lambda _: None,
    ) -> None:
        """A producer, not connected yet; `partitions` says how many a topic has, or refuses the topic."""
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
        )
        self._failed = False
        self._requests: set[asyncio.Task[None]] = set()
        self._request = self._inner._sender._send_produce_req
        self._inner._sender._send_produce_req = self._requested
        self._ask = self._inner.client.send
        self._inner.client.send = self._guarded

    async def open(self) -> "KafkaProducer":
        """Connect and get a producer id."""
        try:
            with in_words(self._servers, "a producer connects"):
                async with asyncio.timeout(OPEN_SECONDS_MAX):
                    await self._inner.start()
        except BaseException:
            await self.abandon()
            raise
        return self

    async def send(self, topic: str, partition: int, messages: Sequence[Message]) -> None:
        """Append in order; returns when all replicas that must have it do."""
        if self._failed:
            raise BusUnavailable("this producer has failed or was closed; open another")
        for each in messages:
            if size_of(each) > RECORD_BYTES_MAX:
                raise RecordRefused(
                    f"a record of {size_of(each):,} bytes is over the limit of {RECORD_BYTES_MAX:,}"
                )
        if partition >= await self._partitions(topic):
            raise RecordRefused(f"the topic {topic} has no partition {partition}")
        try:
            with in_words(self._servers, f"records are sent to {topic}/{partition}"):
                for batch in batches(messages, self._inner.create_batch):
                    async with asyncio.timeout(2 * SEND_SECONDS_MAX):
                        acknowledged = await self._inner.send_batch(batch, topic, partition=partition)
                        await acknowledged
        except BaseException:  # cancelled too: then a batch is queued that nobody waits for
            self._failed = True
            raise

    async def close(self) -> None:
        """Wait for what is being sent, then disconnect."""
        self._failed = True
        await ended(self._inner.stop(), seconds_max=CLOSE_SECONDS_MAX)
        await self._drop()

    async def abandon(self) -> None:
        """Disconnect at once; what is queued is dropped, what is on its way may still arrive."""
        self._failed = True
        await self._drop()

    async def _requested(self, node: int, carried: Any) -> None:
        """A request of aiokafka's, in a task that it keeps to itself and that we have to end."""
        task = asyncio.current_task()
        assert task is not None, "requests are made in tasks of their own"
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)
        await self._request(node, carried)

    async def _guarded(self, node: int, request: Any, **options: Any) -> Any:
        """Any request of aiokafka's, its retries too; nothing is waited for between the guard and the bytes on their way."""
        if isinstance(request, ProduceRequest):
            await self._inner.client.ready(node)
            try:
                self._guard()
            except Exception as error:
                raise HeldBack(name(error)) from error
        return await self._ask(node, request, **options)

    async def _drop(self) -> None:
        # `stop` flushes what is queued and has no other way; so the parts are ended one by one, the queue last.
        # A connection that is being made belongs to the task that makes it, hence the tasks come first.
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
        queue._pending_batches.update(queued)  # where its end looks for a batch that waited to be sent again
        queue.fail_all(ProducerClosed())
        for batch in queued:
            for future in (batch.future, batch._drain_waiter):
                if future.done() and not future.cancelled():
                    future.exception()  # seen: else asyncio reports each as never retrieved
        self._on_dropped(self)


def batches(messages: Sequence[Message], create: Callable[[], BatchBuilder]) -> Iterator[BatchBuilder]:
    """Pack messages into as few batches as they fit into, in order."""
    batch = create()
    for each in messages:
        key = None if each.key is None else each.key.encode()
        headers = list(each.headers)
        if batch.append(timestamp=None, key=key, value=each.value, headers=headers) is None:
            yield batch
            batch = create()
            if batch.append(timestamp=None, key=key, value=each.value, headers=headers) is None:
                raise RecordRefused("a record does not fit into an empty batch")
    if batch.record_count():
        batch.close()
        yield batch
