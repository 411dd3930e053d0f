"""What is borrowed of aiokafka."""

import inspect
from collections import deque

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator, MessageBatch
from aiokafka.producer.sender import Sender
from aiokafka.protocol.admin import CreateAclsRequest
from aiokafka.protocol.produce import ProduceRequest

from tests.architecture.borrowed.lending import Borrowed, has, takes

NOBODY = "127.0.0.1:1"
"""An address at which nothing listens; nothing connects to it here."""


async def producer_can_be_dropped() -> None:
    producer = AIOKafkaProducer(bootstrap_servers=NOBODY)
    assert producer._closed is False
    assert producer._sender.sender_task is None
    assert inspect.iscoroutinefunction(Sender._send_produce_req)
    takes(Sender._send_produce_req, "node_id", "batches")
    assert "self._send_produce_req(node_id" in inspect.getsource(Sender), "looked up at each request"
    assert isinstance(producer.client, AIOKafkaClient)
    assert inspect.iscoroutinefunction(AIOKafkaClient.ready)
    takes(AIOKafkaClient.ready, "node_id")
    takes(AIOKafkaClient.send, "node_id", "request")
    assert isinstance(ProduceRequest, type)
    await producer.stop()


async def queue_of_batches_can_be_failed() -> None:
    producer = AIOKafkaProducer(bootstrap_servers=NOBODY)
    queue = producer._message_accumulator
    assert isinstance(queue, MessageAccumulator)
    assert isinstance(queue._pending_batches, set)
    assert isinstance(queue._batches["any"], deque)
    del queue._batches["any"]
    takes(queue.fail_all, "exception")
    assert "self._drain_waiter = create_future()" in inspect.getsource(MessageBatch.__init__)
    assert "self.future = create_future()" in inspect.getsource(MessageBatch.__init__)
    await producer.stop()


async def batches_are_built_by_us() -> None:
    producer = AIOKafkaProducer(bootstrap_servers=NOBODY)
    batch = producer.create_batch()
    assert isinstance(batch, BatchBuilder)
    assert batch.append(timestamp=None, key=b"k", value=b"v", headers=[]) is not None
    assert batch.record_count() == 1
    batch.close()
    await producer.stop()


async def connections_can_be_cut() -> None:
    client = AIOKafkaClient(bootstrap_servers=NOBODY)
    assert client._conns == {}
    assert "self._writer = " in inspect.getsource(AIOKafkaConnection.__init__)
    assert "asyncio.StreamWriter(" in inspect.getsource(AIOKafkaConnection), "it has a transport"
    await client.close()


async def consumer_shows_its_coordinator() -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=NOBODY)
    assert isinstance(consumer._client, AIOKafkaClient)
    has(consumer, "_coordinator")
    source = inspect.getsource(GroupCoordinator.__init__)
    assert "self._rejoin_needed_fut = create_future()" in source
    assert "self.generation = " in source
    await consumer._client.close()


async def sticky_assignor_keeps_its_memory_in_the_class() -> None:
    assert StickyPartitionAssignor.member_assignment is None
    assert StickyPartitionAssignor.generation == StickyPartitionAssignor.DEFAULT_GENERATION_ID
    takes(StickyPartitionAssignor.on_assignment, "assignment")
    assert isinstance(inspect.getattr_static(StickyPartitionAssignor, "on_assignment"), classmethod)


async def admin_sends_any_request() -> None:
    assert inspect.iscoroutinefunction(AIOKafkaAdminClient._send_to_controller)
    takes(AIOKafkaAdminClient._send_to_controller, "request")
    takes(ProduceRequest, "transactional_id", "required_acks", "timeout", "topics")
    takes(
        CreateAclsRequest, "resource_type", "resource_name", "resource_pattern_type_filter",
        "principal", "host", "operation", "permission_type",
    )  # fmt: skip


BORROWED = (
    Borrowed(
        "aiokafka",
        "the requests of an admin client",
        "shared/bus/kafka/acls.py",
        ("_send_to_controller", "CreateAclsRequest"),
        admin_sends_any_request,
    ),
    Borrowed(
        "aiokafka",
        "the requests of an admin client, for rights",
        "shared/bus/kafka/bus.py",
        ("_send_to_controller", "ProduceRequest"),
        admin_sends_any_request,
    ),
    Borrowed(
        "aiokafka",
        "the sender and the client of a producer",
        "shared/bus/kafka/producer.py",
        ("_sender._send_produce_req", "sender_task", "client.send", "_closed", "ProduceRequest"),
        producer_can_be_dropped,
    ),
    Borrowed(
        "aiokafka",
        "the queue of a producer",
        "shared/bus/kafka/producer.py",
        ("_message_accumulator", "_pending_batches", "_batches", "_drain_waiter", "fail_all"),
        queue_of_batches_can_be_failed,
    ),
    Borrowed(
        "aiokafka", "BatchBuilder", "shared/bus/kafka/producer.py", ("BatchBuilder",), batches_are_built_by_us
    ),
    Borrowed(
        "aiokafka",
        "the connections of a client",
        "shared/bus/kafka/failures.py",
        ("_conns", "_writer"),
        connections_can_be_cut,
    ),
    Borrowed(
        "aiokafka",
        "the coordinator and the client of a consumer",
        "shared/bus/kafka/subscription.py",
        ("_coordinator", "_rejoin_needed_fut", "coordinator.generation", "_client"),
        consumer_shows_its_coordinator,
    ),
    Borrowed(
        "aiokafka",
        "the client of a consumer",
        "shared/bus/kafka/bus.py",
        ("_client",),
        consumer_shows_its_coordinator,
    ),
    Borrowed(
        "aiokafka",
        "StickyPartitionAssignor",
        "shared/bus/kafka/sticky.py",
        ("StickyPartitionAssignor", "member_assignment", "DEFAULT_GENERATION_ID", "on_assignment"),
        sticky_assignor_keeps_its_memory_in_the_class,
    ),
)
