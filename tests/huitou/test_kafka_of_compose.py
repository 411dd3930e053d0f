"""The Kafka of docker-compose.yml, without containers: its variables, its start and its rights, on Apache Kafka itself."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from huitou import access
from huitou.commands.secrets import AUTHORITY, make_secrets
from huitou.settings import SERVICES
from shared.bus import BusUnavailable
from shared.bus.access import Access
from shared.bus.kafka.bus import KafkaBus
from shared.bus.protocol import Message
from shared.events import TOPICS
from tests.parts import kafka_jars
from tests.parts.processes import PartMissing, Server, free_ports
from tests.parts.stacks import ROOT

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

GRANTED_SECONDS_MAX = 180
STOP_SECONDS_MAX = 20
IMAGE = ROOT / "tests/compose/images/kafka"
"""What stands in for the scripts of the published image."""


class ComposedKafka:
    """The service `kafka` of the file, started by its own command; its ports and its folders are others."""

    def __init__(self, folder: Path) -> None:
        service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["kafka"]
        ports = dict(zip(("9092", "9093", "9094"), map(str, free_ports(3)), strict=True))
        self.secrets = folder / "secrets"
        make_secrets(self.secrets)
        mounted = folder / "mounted"
        mounted.mkdir()
        for secret in service["secrets"]:
            name = secret["source"].replace("-", ".")
            shutil.copy(self.secrets / name, mounted / secret["target"])
        for source, target, _ in (
            volume.split(":") for volume in service["volumes"] if volume.startswith(".")
        ):
            shutil.copy(ROOT / source, folder / Path(target).name)
        environment = {name: str(value) for name, value in service["environment"].items()}
        for name, value in environment.items():
            for port, ours in ports.items():
                value = value.replace(port, ours)
            value = value.replace("//kafka:", "//127.0.0.1:").replace("/run/secrets", str(mounted))
            environment[name] = value.replace("/var/lib/kafka/data", str(folder / "data"))
        self.server = Server(
            "Kafka of docker-compose.yml",
            ["bash", str(folder / Path(service["command"][-1]).name)],
            log=folder / "kafka.log",
            environment={
                **os.environ,
                **environment,
                "HUITOU_KAFKA_RUN": str(IMAGE / "run"),
                "HUITOU_KAFKA_HOME": str(IMAGE),
                "HUITOU_KAFKA_PORT": ports["9094"],
                "HUITOU_KAFKA_SECRETS": str(mounted),
                "HUITOU_KAFKA_LIBS": f"{kafka_jars.jars()}/*:{kafka_jars.tools()}/*",
            },
        )
        self.address = f"127.0.0.1:{ports['9092']}"
        self.local = f"127.0.0.1:{ports['9094']}"

    def bus(self, service: str, password: str | None = None) -> KafkaBus:
        """The bus as a process of this service reaches it."""
        word = (self.secrets / f"{service}.bus").read_text() if password is None else password
        return KafkaBus(
            [self.address],
            access=Access("sasl_ssl", user=service, password=word, authority=self.secrets / AUTHORITY),
        )


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposedKafka]:
    try:
        started = ComposedKafka(tmp_path_factory.mktemp("composed"))
    except PartMissing as error:
        pytest.skip(str(error))
    started.server.start()
    try:
        said = "have their passwords and rights"
        started.server.wait_until(
            lambda: said in started.server.log.read_text(), seconds_max=GRANTED_SECONDS_MAX
        )
        yield started
    finally:
        started.server.end(signal.SIGTERM, seconds_max=STOP_SECONDS_MAX)


async def test_each_service_gets_in_and_does_what_it_needs_and_nothing_else(composed: ComposedKafka) -> None:
    for service in SERVICES:
        bus = composed.bus(service)
        own = [name for name, topic in TOPICS.items() if topic.producer == service]
        await bus.ensure_topics(dict.fromkeys(own, 1))
        producer = await bus.producer()
        for topic in own:
            await producer.send(topic, 0, [Message("key", (), b"value")])
        await producer.close()
        await bus.close()
    for service in SERVICES:
        bus = composed.bus(service)
        own = [name for name, topic in TOPICS.items() if topic.producer == service]
        granted = {
            grant.name for grant in access.grants() if grant.user == service and grant.resource == "topic"
        }
        assert await bus.end_offsets(sorted(granted))
        assert sorted(await bus.writable(sorted(TOPICS))) == sorted(own)
        await bus.close()


@pytest.mark.parametrize(("user", "password"), [("loyalty", "wrong"), ("admin", ""), ("ANONYMOUS", "")])
async def test_nobody_gets_in_without_a_password(composed: ComposedKafka, user: str, password: str) -> None:
    for access_to in (
        Access("sasl_ssl", user=user, password=password or "x", authority=composed.secrets / AUTHORITY),
        Access(),
    ):
        with pytest.raises(BusUnavailable):
            await KafkaBus([composed.address], access=access_to).check()
