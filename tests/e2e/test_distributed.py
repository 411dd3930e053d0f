"""What is only true of the distributed product: each service is alone with its database, and all of it stops in order."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.parts import kafka as kafkas
from tests.parts.distributed import DistributedStack
from tests.parts.processes import free_port_base
from tests.parts.stacks import ROOT

pytestmark = [pytest.mark.timeout(400), pytest.mark.kafka]

STOP_SECONDS_MAX = 60


@pytest.mark.parametrize("stack", ["distributed"], indirect=True)
async def test_a_service_cannot_connect_to_anothers_database(stack: DistributedStack) -> None:
    for service, url in stack.databases.items():
        own = urlsplit(url.replace("postgresql+asyncpg", "postgresql"))
        connection = await asyncpg.connect(own.geturl())
        assert await connection.fetchval("SELECT count(*) FROM outbox") >= 0
        await connection.close()
        for other in stack.databases.keys() - {service}:
            place = own._replace(path=urlsplit(stack.databases[other]).path)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(place.geturl())


@pytest.fixture
def room() -> Iterator[Path]:
    """A temporary folder that PostgreSQL's own user may enter too."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.slow
def test_the_developers_command_prints_where_everything_is_and_stops_in_order(room: Path) -> None:
    if kafkas.planned().startswith("librdkafka"):
        pytest.skip("the distributed product needs a real Kafka")
    log = room / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.parts.distributed"],
            cwd=ROOT,
            env={**os.environ, "HUITOU_PORT_BASE": str(free_port_base(5)), "TMPDIR": str(room)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    assert process.stdout is not None
    said = []
    for line in process.stdout:  # the timeout of the test is the deadline
        said.append(line)
        if line.startswith("  admin"):
            break
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=STOP_SECONDS_MAX)

    assert process.returncode == 0, log.read_text()
    assert sum(line.startswith(("  profile", "  loyalty", "  feedback", "  scoring")) for line in said) == 4
    assert "Stopping" in rest
    assert not list(room.glob("huitou-*")), "nothing is left behind"
