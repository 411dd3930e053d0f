"""The servers of one run: each is started once, when a test first asks for it, and ends with the run.

Under pytest-xdist the workers ask the process that started them, since a server ends with the process that started it
and a worker may end before the others. That process answers them from one thread, which lives as long as it does.
"""

import functools
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from typing import Literal

from tests.parts import kafka, processes
from tests.parts.kafka import Kafka
from tests.parts.postgres import Databases, Postgres, open_postgres
from tests.parts.processes import PartMissing

ADDRESS = "HUITOU_TESTS_SERVERS"
"""The environment variable that says to workers where they ask."""

Name = Literal["postgres", "durable postgres", "kafka", "old kafka"]
Address = tuple[str, str, bool]
"""A server's address, the sentence about it, and whether it is our own."""


@dataclass(frozen=True, slots=True)
class SharedKafka:
    """A broker that another process of this run has started, and will end."""

    servers: str
    sentence: str
    ours: bool
    real: bool = True

    @property
    def url(self) -> str:
        """Return the value for HUITOU_BUS_URL."""
        return f"kafka://{self.servers}"

    def close(self) -> None:
        """Leave the broker running: it ends with the run."""


@functools.cache
def postgres(*, durable: bool = False) -> Databases:
    """Return the run's PostgreSQL. Raises PartMissing."""
    url, sentence, ours = _ask("durable postgres" if durable else "postgres")
    return Databases(url, sentence, temporary=ours)


@functools.cache
def broker() -> Kafka:
    """Return the run's Kafka. Raises PartMissing where CI demands a real one and there is none."""
    return _kafka("kafka")


@functools.cache
def old_broker() -> Kafka:
    """Return a Kafka of the oldest version that is promised. Raises PartMissing."""
    return _kafka("old kafka")


def answer_workers() -> None:
    """Start to answer the workers that this process is about to start."""
    listener = Listener(family="AF_UNIX")
    os.environ[ADDRESS] = str(listener.address)
    thread = threading.Thread(target=_answer, args=(listener,), name="servers", daemon=True)
    processes.lasting_threads.add(thread)
    thread.start()


def _kafka(name: Name) -> Kafka:
    servers, sentence, ours = _ask(name)
    return SharedKafka(servers, sentence, ours, real="mock" not in sentence)


def _ask(name: Name) -> Address:
    place = os.environ.get(ADDRESS)
    if not place:
        return _start(name)
    with Client(place, family="AF_UNIX") as connection:
        connection.send(name)
        answer: Address | str = connection.recv()
    if isinstance(answer, str):
        raise PartMissing(answer)
    return answer


def _answer(listener: Listener) -> None:
    while True:
        with listener.accept() as connection:
            _answer_one(connection)


def _answer_one(connection: "Connection[Address | str, Name]") -> None:
    answer: Address | str
    try:
        answer = _start(connection.recv())
    except Exception as error:  # noqa: BLE001  the worker raises it in its test
        answer = f"{type(error).__name__}: {error}"
    connection.send(answer)


@functools.cache
def _start(name: Name) -> Address:
    start: dict[Name, Callable[[], Address]] = {
        "postgres": lambda: _opened(open_postgres(durable=False)),
        "durable postgres": lambda: _opened(open_postgres()),
        "kafka": lambda: _opened_kafka(kafka.open_kafka()),
        "old kafka": lambda: _opened_kafka(kafka.open_kafka(kafka.VERSION_OLD)),
    }
    return start[name]()


_held: list[Databases | Kafka] = []
"""What was started; each of them ends with this process by itself."""


def _opened(server: Databases) -> Address:
    _held.append(server)
    return server.admin_url, server.sentence, isinstance(server, Postgres)


def _opened_kafka(server: Kafka) -> Address:
    _held.append(server)
    return server.servers, server.sentence, server.ours
