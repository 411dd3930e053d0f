"""What is only true of the distributed product: each service is alone with its database, and all of it stops in order."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from huitou.exits import Exit
from tests.e2e.shop import Shop
from tests.parts import commands
from tests.parts import kafka as kafkas
from tests.parts.distributed import DistributedStack
from tests.parts.processes import free_port_base
from tests.parts.stacks import ROOT
from tests.parts.waiting import until

pytestmark = [pytest.mark.timeout(400), pytest.mark.kafka, pytest.mark.postgresql]

STOP_SECONDS_MAX = 60
COMMAND_SECONDS_MAX = 120


@pytest.mark.parametrize("stack", ["distributed"], indirect=True)
async def test_a_service_cannot_connect_to_anothers_database(stack: DistributedStack) -> None:
    for service, url in stack.databases.items():
        own = urlsplit(url.replace("postgresql+asyncpg", "postgresql"))
        connection = await asyncpg.connect(own.geturl())
        assert await connection.fetchval("SELECT count(*) FROM outbox") >= 0
        await connection.close()
        for foreign in stack.databases.keys() - {service}:
            place = own._replace(path=urlsplit(stack.databases[foreign]).path)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(place.geturl())


@pytest.mark.long
@pytest.mark.parametrize("stack", ["distributed"], indirect=True)
async def test_a_replay_waits_for_the_consumers_to_be_stopped_and_changes_nothing(
    stack: DistributedStack, shop: Shop
) -> None:
    order = {
        "source": "web", "order_id": uuid.uuid4().hex, "purchased_at": datetime.now(UTC).isoformat(),
        "customer": {"external_id": uuid.uuid4().hex}, "currency": "CNY",
        "lines": [{"sku": "TEA", "quantity": 2, "amount_minor": 5_000}],
    }  # fmt: skip
    customer_id = (await shop.post(shop.profile, "/v1/purchases", order))["customer_id"]
    member = f"/v1/members/{customer_id}"
    before = await shop.comes_to(shop.loyalty, member, lambda seen: seen["points"]["active"] == 50)

    while_they_run = await asyncio.to_thread(_huitou, stack, "replay", "loyalty")
    consumers = [server for name, server in stack.servers.items() if name.startswith("loyalty consume")]
    for server in consumers:
        await asyncio.to_thread(server.end, signal.SIGTERM, seconds_max=STOP_SECONDS_MAX)
    stood = await _positions(stack)
    done = await asyncio.to_thread(_huitou, stack, "replay", "loyalty", "--forget-seen")
    set_back = await _positions(stack)
    for server in consumers:
        server.start()

    async def read_again() -> bool:
        return all(now >= then for now, then in zip(await _positions(stack), stood, strict=True))

    await until(read_again, seconds_max=STOP_SECONDS_MAX, what="loyalty has read its topics again")
    assert (while_they_run.returncode, while_they_run.stdout) == (Exit.FAILED, "")
    assert "The consumer loyalty runs" in while_they_run.stderr
    assert (done.returncode, done.stdout.startswith("loyalty reads ")) == (Exit.DONE, True), done.stderr
    assert set(set_back) == {0}
    assert await shop.get(shop.loyalty, member) == before
    verified = await asyncio.to_thread(_huitou, stack, "verify", "--json")
    report = json.loads(verified.stdout)
    assert (report["ok"], report["drifts"]) == (True, [])


def _child(parent: int, *words: str) -> int:
    """The process that this one started with these last words of a command."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    command = "\0".join(words).encode()
    (found,) = [
        int(pid)
        for pid in children
        if Path(f"/proc/{pid}/cmdline").read_bytes().strip(b"\0").endswith(command)
    ]
    return found


def _huitou(stack: DistributedStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as whoever runs the product does, with its environment."""
    return commands.run(*arguments, environment=stack.environment, seconds_max=COMMAND_SECONDS_MAX)


async def _positions(stack: DistributedStack) -> list[int]:
    """Where loyalty's consumer stands in every partition, in the order of their names."""
    url = stack.databases["loyalty"].replace("postgresql+asyncpg", "postgresql")
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT next_offset FROM consumer_position ORDER BY topic, partition")
    finally:
        await connection.close()
    return [row["next_offset"] for row in rows]


@pytest.fixture
def room() -> Iterator[Path]:
    """A temporary folder that PostgreSQL's own user may enter too."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.long
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
    (beside,) = [line for line in said if line.startswith("  set -a; ")]
    verified = subprocess.run(
        ["sh", "-c", beside],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        timeout=COMMAND_SECONDS_MAX,
        capture_output=True,
        text=True,
        check=False,
    )
    os.kill(_child(process.pid, "services.scoring", "consume"), signal.SIGKILL)
    ended = next(line for line in process.stdout if line.strip())
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=STOP_SECONDS_MAX)

    assert process.returncode == 0, log.read_text()
    assert verified.returncode == 0, verified.stderr
    assert ended == "scoring consume has ended with -9:\n"
    assert sum(line.startswith(("  profile", "  loyalty", "  feedback", "  scoring")) for line in said) == 4
    assert "Stopping" in rest
    assert not list(room.glob("huitou-*")), "nothing is left behind"
