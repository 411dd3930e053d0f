"""A real Kafka: the one in TEST_KAFKA, else Apache Kafka from its Maven artefacts, else librdkafka's mock cluster.

This module needs no pytest, so `make up-distributed`, the benchmarks and the chaos tests start the same one.
"""

import asyncio
import atexit
import base64
import contextlib
import os
import secrets as random
import shutil
import signal
import socket
import tempfile
import threading
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError

from shared.bus.access import Access
from tests.parts.certificates import make_certificates
from tests.parts.kafka_jars import VERSION, cache_of, jars
from tests.parts.processes import PartMissing, Server, free_ports, required, said

VERSION_OLD = "3.9.1"
FORMAT_SECONDS_MAX = 60
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20
PROBE_SECONDS_MAX = 3
CLEAR_SECONDS_MAX = 20
CLEAR_LOOK_SECONDS = 0.05
READY_TOPIC = "huitou-ready"

# One node; the last six lines make it serve again 4 s after a kill -9 instead of 14: for tests only.
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=300
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
"""

# What comes instead for a node that believes nobody without a password. The controller is on this machine only.
SECURED = """listeners=SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=SASL_SSL://127.0.0.1:{port}
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule \
  required username="{user}" password="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:{user};User:ANONYMOUS
"""
ADMIN = "admin"
"""The user of a secured node who may do everything."""


class Kafka(Protocol):
    """A broker, or a stand-in for one, that speaks Kafka's protocol at `servers`."""

    @property
    def servers(self) -> str:
        """Return the addresses, host:port, with commas between them."""
        ...

    @property
    def real(self) -> bool:
        """Return whether this is Apache Kafka, and not the mock cluster."""
        ...

    @property
    def ours(self) -> bool:
        """Return whether the run started this node itself, with settings that allow short sessions."""
        ...

    @property
    def sentence(self) -> str:
        """Return a sentence about this Kafka, for the header of a test run."""
        ...

    @property
    def url(self) -> str:
        """Return the value for HUITOU_BUS_URL."""
        ...

    def close(self) -> None:
        """End the broker, and remove what it wrote."""


class ApacheKafka:
    """One Apache Kafka node that the run starts. It survives `kill` and `start` on the same data and ports."""

    real = ours = True

    def __init__(
        self, version: str = VERSION, *, folder: Path | None = None, users: Collection[str] = ()
    ) -> None:
        """Prepare a node of this version, its data under `folder` (a temporary one if none is given).

        With users, it speaks TLS only and asks for their passwords; they may do nothing until they are granted it, but for
        ADMIN, who may do everything.
        """
        self.users = {name: random.token_hex(16) for name in (ADMIN, *users)} if users else {}
        self.version = version
        self._temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="huitou-kafka-"))
        classpath = f"{jars(version)}/*"
        port, controller = free_ports(2)
        self.servers = f"127.0.0.1:{port}"
        self.sentence = f"Apache Kafka {version} at {self.servers}"
        properties = self.folder / "kraft.properties"
        text = PROPERTIES.format(port=port, controller=controller, data=self.folder / "data")
        properties.write_text(text + self._secured(port, controller))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        java = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", classpath]
        # Joined by `=`, because an id can begin with a dash.
        formatting = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(properties)]
        users = [
            f"--add-scram=SCRAM-SHA-512=[name={name},password={word}]" for name, word in self.users.items()
        ]
        said([*java, *formatting, "--ignore-formatted", *users], seconds_max=FORMAT_SECONDS_MAX)
        self._server = Server(
            self.sentence, [*java, "kafka.Kafka", str(properties)], log=self.folder / "kafka.log"
        )
        atexit.register(self.close)

    @property
    def url(self) -> str:
        """Return the value for HUITOU_BUS_URL."""
        return f"kafka://{self.servers}"

    def access(self, user: str) -> Access:
        """Return how a user reaches a secured node."""
        return Access(
            "sasl_ssl", user=user, password=self.users[user], authority=self.folder / "authority.pem"
        )

    def _secured(self, port: int, controller: int) -> str:
        """Return the properties of a secured node; nothing without users."""
        if not self.users:
            return ""
        made = make_certificates(self.folder)
        keystore = self.folder / "keystore.pem"
        keystore.write_text(made.key.read_text() + made.certificate.read_text())
        return SECURED.format(
            port=port, controller=controller, user=ADMIN, password=self.users[ADMIN],
            keystore=keystore, authority=made.authority,
        )  # fmt: skip

    @property
    def running(self) -> bool:
        """Return whether the broker process exists."""
        return self._server.running

    def start(self) -> "ApacheKafka":
        """Start the broker, or start it again, and return when it has acknowledged a record."""
        self.start_soon()
        self.wait()
        return self

    def start_soon(self) -> None:
        """Start the broker, or start it again, without waiting."""
        self._server.start()

    def wait(self) -> None:
        """Return when the broker has acknowledged a record. Unlike `start`, this may be called in a thread."""
        options = self.access(ADMIN).options() if self.users else {}
        self._server.wait_until(lambda: acknowledges(self.servers, options), seconds_max=START_SECONDS_MAX)

    def stop(self) -> None:
        """Shut the broker down in order."""
        self._server.end(signal.SIGTERM, seconds_max=STOP_SECONDS_MAX)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._server.end(signal.SIGKILL, seconds_max=STOP_SECONDS_MAX)

    def copy(self) -> None:
        """Stop the broker, and copy all that it has stored. Start it again."""
        self.stop()
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self.folder / "data", self._copy)

    def restore(self) -> None:
        """Kill the broker, and put what was copied in the place of what it has stored. Start it again."""
        self.kill()
        shutil.rmtree(self.folder / "data")
        shutil.copytree(self._copy, self.folder / "data")

    @property
    def _copy(self) -> Path:
        return self.folder / "copy"

    def freeze(self) -> None:
        """Stop the broker where it is."""
        self._server.freeze()

    def cont(self) -> None:
        """Send SIGCONT."""
        self._server.cont()

    def close(self) -> None:
        """End the broker, and remove its data unless the folder was given."""
        self.kill()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)


class GivenKafka:
    """The cluster named in TEST_KAFKA, which tests must not kill."""

    real, ours = True, False

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self.sentence = f"the Kafka in TEST_KAFKA at {servers}"

    @property
    def url(self) -> str:
        """Return the value for HUITOU_BUS_URL."""
        return f"kafka://{self.servers}"

    def close(self) -> None:
        """Leave the cluster running."""


class MockKafka:
    """librdkafka's broker inside this process: one member a group, no admin requests, 5 MiB a partition."""

    real = ours = False

    def __init__(self) -> None:
        from confluent_kafka import Producer

        self._producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock"})
        broker = next(iter(self._producer.list_topics(timeout=10).brokers.values()))
        self.servers = f"{broker.host}:{broker.port}"
        self.sentence = f"librdkafka's mock cluster at {self.servers} (no Apache Kafka could be had)"

    @property
    def url(self) -> str:
        """Return the value for HUITOU_BUS_URL."""
        return f"kafka://{self.servers}"

    def close(self) -> None:
        """Do nothing: the mock cluster has nothing on disk, and ends with this process."""


def open_kafka(version: str | None = None) -> Kafka:
    """Start and return the best Kafka that this machine has. Raises PartMissing where CI demands a real one and there is none."""
    given = os.environ.get("TEST_KAFKA")
    if given:
        return GivenKafka(given)
    try:
        return ApacheKafka(version or wanted_version()).start()
    except PartMissing:
        if required():
            raise
    return MockKafka()


async def clear(servers: str, topics: Collection[str]) -> None:
    """Delete topics, and wait until they are gone. Topics that are created again then begin at offset 0."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        async with asyncio.timeout(CLEAR_SECONDS_MAX):
            while known := set(topics).intersection(await admin.list_topics()):
                with contextlib.suppress(UnknownTopicOrPartitionError):
                    await admin.delete_topics(sorted(known))
                await asyncio.sleep(CLEAR_LOOK_SECONDS)
    finally:
        await admin.close()


def wanted_version() -> str:
    """Return the version in TEST_KAFKA_VERSION, else the newest version that the tests run with."""
    return os.environ.get("TEST_KAFKA_VERSION") or VERSION


def planned() -> str:
    """Return a sentence about what `open_kafka` would use, for the header of a test run. Nothing is started."""
    given = os.environ.get("TEST_KAFKA")
    if given:
        return f"the Kafka in TEST_KAFKA at {given}"
    if (
        (cache_of(wanted_version()) / "lib").is_dir()
        or (shutil.which("java") and shutil.which("mvn"))
        or required()
    ):
        return f"Apache Kafka {wanted_version()} from its Maven artefacts, started when first needed"
    return "librdkafka's mock cluster, unless java and mvn can be installed"


def connections(servers: str) -> list[str]:
    """Return the connections of this process to these servers. A client that is not closed leaves some."""
    ports = {int(server.rpartition(":")[2]) for server in servers.split(",")}
    mine = set()
    for held in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile, by another thread
            mine.add(os.readlink(held).removeprefix("socket:[").removesuffix("]"))
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote, inode = fields[1], fields[2], fields[9]
        if inode in mine and int(remote.rpartition(":")[2], 16) in ports:
            found.append(local)
    return found


def acknowledges(servers: str, options: Mapping[str, Any] | None = None) -> bool:
    """Return whether the broker acknowledges a record. An open port alone does not mean that it is ready."""
    host, _, port = servers.split(",")[0].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=PROBE_SECONDS_MAX).close()
    except OSError:
        return False
    answers: list[bool] = []
    # Its own thread and loop, so that it can be asked from inside a running loop too.
    probe = threading.Thread(
        target=lambda: answers.append(asyncio.run(_acknowledges(servers, options or {})))
    )
    probe.start()
    probe.join()
    return answers == [True]


async def _acknowledges(servers: str, options: Mapping[str, Any]) -> bool:
    admin = AIOKafkaAdminClient(
        bootstrap_servers=servers, request_timeout_ms=PROBE_SECONDS_MAX * 1000, **options
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", request_timeout_ms=PROBE_SECONDS_MAX * 1000, **options
    )
    try:
        async with asyncio.timeout(PROBE_SECONDS_MAX):
            await admin.start()
            try:
                await admin.create_topics([NewTopic(READY_TOPIC, 1, 1)])
            except TopicAlreadyExistsError:
                pass
            await producer.start()
            await producer.send_and_wait(READY_TOPIC, b"ready", partition=0)
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await admin.close()
        await producer.client.close()  # `stop` would wait for what a dead broker never answers
        producer._closed = True
    return True
