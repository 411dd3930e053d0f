"""docker-compose.yml runs, serves a customer, survives the death of its processes, and stops in order."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from huitou.settings import SERVICES
from tests.compose import engines, podman
from tests.compose.composed import ComposedStack, Container
from tests.parts import waiting
from tests.parts.processes import PartMissing
from tests.parts.stacks import ROOT

JOURNEY_SECONDS_MAX = 400
COME_BACK_SECONDS_MAX = 60
STRUCK = ("profile-serve", "profile-relay", "loyalty-consume", "feedback-consume")
NOT_OURS = ("kafka", "postgres")


@pytest.fixture(scope="session")
def stack() -> Iterator[ComposedStack]:
    """The compose file, running."""
    try:
        engine = engines.find_docker() or podman.open_podman()
    except PartMissing as error:
        pytest.fail(f"docker-compose.yml was only validated, not run: {error}", pytrace=False)
    print(f"\n{engine.sentence}")
    stack = ComposedStack(engine)
    print(f"built in {stack.build():.0f} s")
    sizes = (f"{name} {stack.image_megabytes(name):.0f} MB" for name in (*SERVICES, "console"))
    print(f"images: {', '.join(sizes)}")
    try:
        print(f"ready after {stack.start():.0f} s")
        yield stack
    finally:
        stack.end()


@pytest.fixture(scope="session")
def home(stack: ComposedStack) -> Path:
    """The folder with the key that signs the tokens of the running product."""
    return stack.secrets


def test_every_service_of_the_file_runs_and_every_migration_ended_well(stack: ComposedStack) -> None:
    states = {name: [container.status for container in stack.containers(name)] for name in stack.services}
    ended = {name: stack.containers(name)[0].exit_code for name in states if name.endswith("-migrate")}

    assert ended == {f"{name}-migrate": 0 for name in SERVICES}
    assert states.pop("loyalty-consume") == ["running"] * 2
    assert {
        name: statuses for name, statuses in states.items() if name not in ended and statuses != ["running"]
    } == {}


def test_a_customer_is_served(stack: ComposedStack, home: Path) -> None:
    print(f"journey in {_journey(stack, home):.1f} s")


@pytest.mark.parametrize("service", [*SERVICES, "console"])
def test_an_image_holds_its_own_service_and_nothing_else(stack: ComposedStack, service: str) -> None:
    role = "console" if service == "console" else f"{service}-serve"

    found = stack.execute(
        role, "find", "/app", "-mindepth", "1", "-maxdepth", "2", "-not", "-path", "*/.venv/*"
    )

    assert found.returncode == 0, found.stderr
    outer = {line for line in found.stdout.split() if not line.startswith("/app/shared/")}
    assert outer - {"/app/services/__pycache__"} == {
        "/app/.venv",
        "/app/shared",
        "/app/services",
        "/app/services/__init__.py",
        f"/app/services/{service}",
    }


def test_a_process_is_nobody_and_can_write_to_its_home_only(stack: ComposedStack) -> None:
    user = stack.execute("loyalty-serve", "id", "--user")
    refused = {
        place: stack.execute("loyalty-serve", "touch", f"{place}/x").stderr.strip().rpartition(": ")[2]
        for place in ("/app", "/app/shared", "/etc", "/usr/local")
    }
    kept = stack.execute("loyalty-serve", "sh", "-c", "touch /tmp/x $HUITOU_HOME/x && rm $HUITOU_HOME/x")

    assert user.stdout.strip() == "10001"
    assert set(refused.values()) == {"Read-only file system"}
    assert kept.returncode == 0, kept.stderr


def test_a_process_sees_the_secrets_of_its_own_service_only(stack: ComposedStack) -> None:
    seen = {
        name: set(stack.execute(name, "ls", "/run/secrets").stdout.split())
        for name in ("profile-serve", "loyalty-relay", "scoring-consume")
    }
    database = stack.execute("loyalty-relay", "cat", "/run/secrets/database").stdout

    assert set(map(frozenset, seen.values())) == {frozenset(("database", "vault", "references", "jwks"))}
    assert database == (stack.secrets / "loyalty.database").read_text()
    assert "/run/secrets" not in stack.execute("console", "find", "/run").stdout


@pytest.mark.parametrize(("process", "figure"), [("loyalty-relay", "relay"), ("loyalty-consume", "consumer")])
def test_a_process_that_serves_nobody_says_its_figures_to_its_network(
    stack: ComposedStack, process: str, figure: str
) -> None:
    ask = (
        "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:9100/metrics').read().decode())"
    )

    said = stack.execute(process, "python", "-c", ask)

    assert said.returncode == 0, said.stderr
    assert f"\nhuitou_{figure}_" in said.stdout


def test_processes_that_are_killed_come_back_and_the_books_are_equal(
    stack: ComposedStack, home: Path
) -> None:
    victims = {name: stack.containers(name)[0] for name in STRUCK}
    if not all(_is_reached(container) for container in victims.values()):
        pytest.skip("the engine's processes are on another machine, or not ours to kill")

    for container in victims.values():
        os.kill(container.pid, signal.SIGKILL)
    deadline = time.monotonic() + COME_BACK_SECONDS_MAX
    for name, dead in victims.items():
        while not _came_back(stack, name, dead):
            assert time.monotonic() < deadline, f"{name} did not come back"
            time.sleep(waiting.LOOK_SECONDS)
    _journey(stack, home)

    for service in SERVICES:
        books = stack.execute(f"{service}-serve", "python", "-m", f"services.{service}", "verify")
        assert books.returncode == 0, books.stdout + books.stderr


def test_everything_stops_in_order(stack: ComposedStack) -> None:
    stack.compose("stop", seconds_max=300)

    codes = {name: [container.exit_code for container in stack.containers(name)] for name in stack.services}
    assert {
        name: exit_codes for name, exit_codes in codes.items() if name not in NOT_OURS and any(exit_codes)
    } == {}


def _journey(stack: ComposedStack, home: Path) -> float:
    """Walk the journey of tests/e2e through the running product, as somebody else's; the seconds it took."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/e2e/test_journey.py"],
        cwd=ROOT,
        env={
            **os.environ,
            "E2E_URLS": ",".join(f"{name}={stack.addresses[name]}" for name in SERVICES),
            "E2E_HOME": str(home),
        },
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=JOURNEY_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return time.monotonic() - began


def _is_reached(container: Container) -> bool:
    try:
        os.kill(container.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return b"services." in Path(f"/proc/{container.pid}/cmdline").read_bytes()


def _came_back(stack: ComposedStack, service: str, dead: Container) -> bool:
    return any(
        container.id == dead.id and container.status == "running" and container.pid not in (0, dead.pid)
        for container in stack.containers(service)
    )
