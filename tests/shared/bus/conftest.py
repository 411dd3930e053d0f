"""The two buses, each of them real, and what the suite asks of both."""

import itertools
import os
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from shared.bus import Bus
from shared.bus.embedded import EmbeddedBus
from shared.bus.kafka import KafkaBus
from tests.parts import kafka, kafka_jars, servers

SESSION_SECONDS = 2.0  # the node of tests/parts/kafka.py allows it, so that a member that left is missed soon
SESSION_SECONDS_ELSEWHERE = 6.0  # what a broker with default settings allows


def pytest_configure(config: pytest.Config) -> None:
    """Name the tests that librdkafka's mock cluster cannot pass: a topic's partitions, second members, deleting."""
    config.addinivalue_line("markers", "real_broker: needs Apache Kafka, not the mock cluster")


@pytest.fixture(scope="session")
def broker() -> kafka.Kafka:
    return servers.broker()


@pytest.fixture(scope="session")
def old_broker() -> kafka.Kafka:
    """The oldest version that is promised, where this run may start brokers of its choice."""
    if os.environ.get("TEST_KAFKA") or kafka.wanted_version() != kafka_jars.VERSION:
        pytest.skip("this run was told which Kafka to use")
    return servers.old_broker()


class Buses:
    """Opens buses on one log: `await buses.open()` again is another process, or the same after a restart."""

    def __init__(self, kind: str, open_one: Callable[[], Bus]) -> None:
        self.kind = kind
        self._open_one = open_one
        self._opened: list[Bus] = []
        self._numbers = itertools.count(1)
        self._run = uuid.uuid4().hex[:8]

    def open(self) -> Bus:
        """A bus of its own on the same log."""
        bus = self._open_one()
        self._opened.append(bus)
        return bus

    def name(self, word: str) -> str:
        """A topic's or group's name that nothing else uses."""
        return f"test.{word}.{self._run}.{next(self._numbers)}"

    async def topic(self, bus: Bus, partitions: int = 12) -> str:
        """A new topic."""
        topic = self.name("topic")
        await bus.ensure_topics({topic: partitions})
        return topic

    async def close(self) -> None:
        """Close all that was opened."""
        for bus in self._opened:
            await bus.close()


@pytest.fixture(
    params=[
        "embedded",
        pytest.param("kafka", marks=pytest.mark.kafka),
        pytest.param("old_kafka", marks=pytest.mark.kafka),
    ]
)
async def buses(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Buses]:
    if request.param == "embedded":
        opened = Buses("embedded", lambda: EmbeddedBus(tmp_path / "log.db"))
    else:
        broker: kafka.Kafka = request.getfixturevalue("broker" if request.param == "kafka" else "old_broker")
        if not broker.real and request.node.get_closest_marker("real_broker"):
            pytest.skip(f"{broker.sentence} cannot do this")
        seconds = SESSION_SECONDS if broker.ours else SESSION_SECONDS_ELSEWHERE
        opened = Buses("kafka", lambda: KafkaBus([broker.servers], session_seconds=seconds))
    yield opened
    await opened.close()


@pytest.fixture
def bus(buses: Buses) -> Bus:
    return buses.open()
