"""What every test run shares: one seed, one loop, pooled databases, and marks that follow from a test's folder and databases."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import core as hypothesis_core
from sqlalchemy import MetaData
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

from shared.clock import SystemClock
from shared.db import Database
from shared.run import garbage
from tests.parts import answered, bytecode, databases, forks, kafka, postgres, servers
from tests.parts.databases import KINDS, Kind
from tests.parts.far_rates import FAR_RATES
from tests.parts.postgres import Postgres
from tests.parts.sampling import LONG
from tests.parts.scheduling import GroupScheduling

TESTS = Path(__file__).parent
DRAWN_SEED = "HUITOU_TESTS_SEED"
"""The environment variable by which the workers of a run get the seed that was drawn for it."""
SEED = int(
    os.environ.get("TEST_SEED") or os.environ.get(DRAWN_SEED) or random.SystemRandom().randrange(1, 2**31)
)

SHORT = ("test_short_round.py", "test_judging.py", "test_judged_losses.py", "test_plan.py")
"""The files below tests/chaos that every run has time for."""
EXAMPLES_MAX, EXAMPLES_LONG_MAX = 50, 500
"""How many examples a property test tries."""
ONE_DATABASE = {"api", "domain"}
"""The folders whose tests run on SQLite alone, but for those that are marked `both_databases`."""

settings.register_profile(
    "sample",
    deadline=None,  # two cores and a database make a slow example, not a wrong one
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    max_examples=EXAMPLES_MAX,
)
settings.register_profile("long", settings.get_profile("sample"), max_examples=EXAMPLES_LONG_MAX)
settings.load_profile("long" if LONG else "sample")
hypothesis_core.global_force_seed = SEED  # type: ignore[assignment]  # declared as None, and set like this


def pytest_configure(config: pytest.Config) -> None:
    """Hand the seed to the workers, keep bytecode for them, and answer them when they ask for servers."""
    bytecode.keep()
    os.environ[DRAWN_SEED] = str(SEED)
    os.environ.update(FAR_RATES)
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        servers.answer_workers()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Distribute the tests by their groups."""
    return GroupScheduling(config, log)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is used, and the seed, so that a failing run can be run again: TEST_SEED=… make test."""
    lines = [f"seed: {SEED}; {'everything' if LONG else 'a sample'} of attacks, fuzz and properties"]
    for mark, planned in (("postgresql", postgres.planned), ("kafka", kafka.planned)):
        left_out = f"not {mark}" in config.option.markexpr
        lines.append(f"{mark}: {'left out' if left_out else planned()}")
    return lines


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `kind` on both databases, or on SQLite alone where no database has a part in it."""
    marks = list(metafunc.definition.iter_markers("parametrize"))
    if "kind" not in metafunc.fixturenames or any("kind" in _names(mark.args[0]) for mark in marks):
        return
    folders = metafunc.definition.path.relative_to(TESTS).parts[:-1]
    both = not ONE_DATABASE.intersection(folders) or metafunc.definition.get_closest_marker("both_databases")
    metafunc.parametrize("kind", KINDS if both else KINDS[:1], indirect=True)


def _names(names: str | Sequence[str]) -> Sequence[str]:
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else names


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test that is given PostgreSQL, by whatever parameter."""
    callspec = getattr(item, "callspec", None)
    for value in callspec.params.values() if callspec else ():
        if value == "postgresql" or (isinstance(value, tuple) and "postgresql" in value):
            item.add_marker("postgresql")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests below tests/bench, tests/chaos and tests/compose as such; the short rounds are for every run."""
    for item in items:
        room = item.path.relative_to(TESTS).parts[0]
        if room in ("bench", "chaos", "compose") and item.path.name not in SHORT:
            item.add_marker(room)
    items.sort(key=_place_in_run)


def _place_in_run(item: pytest.Item) -> int:
    """Put the distributed product last, since it holds on to its topics, and the embedded one before it, in one go."""
    if item.path.relative_to(TESTS).parts[0] != "e2e":
        return 0
    callspec = getattr(item, "callspec", None)
    return 2 if callspec and callspec.params.get("stack") == "distributed" else 1


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let benchmarks, and what runs beside them, measure durable commits. They and chaos start processes as a person does."""
    databases.durable = any(item.get_closest_marker("bench") for item in session.items)
    forks.in_use = not any(
        item.get_closest_marker("bench") or item.get_closest_marker("chaos") for item in session.items
    )
    garbage.seldom()  # a tenth of the run went into looking through the objects of all tests


def pytest_testnodedown(node: Any) -> None:
    """Take the codes that a worker has met."""
    answered.CODES.update(getattr(node, "workeroutput", {}).get(answered.OUTPUT, ()))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand the codes that were met to the controller, and fail a run of all tests that has not met every documented one."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[answered.OUTPUT] = sorted(answered.CODES)
    elif exitstatus == pytest.ExitCode.OK and _codes_missing(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Name the documented codes that no test has met."""
    missing = _codes_missing(config) if exitstatus == pytest.ExitCode.OK else set()
    if missing:
        terminalreporter.section("codes that an operation documents and no test was answered")
        terminalreporter.line(", ".join(sorted(missing)))


def _codes_missing(config: pytest.Config) -> set[str]:
    return answered.documented() - answered.CODES if answered.is_everything(config) else set()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Refuse PostgreSQL to a test that is not marked: `-m 'not postgresql'` would start it all the same."""

    def check() -> None:
        assert item.get_closest_marker("postgresql"), (
            f"{item.nodeid} uses PostgreSQL and is not marked: take `kind`, or mark it postgresql"
        )

    databases.before_postgres[:] = [check]
    databases.own_database = item.get_closest_marker("own_database") is not None
    result = yield
    databases.before_postgres.clear()
    databases.own_database = False
    return result


@pytest.fixture(scope="session", autouse=True)
async def warm_databases() -> AsyncIterator[None]:
    """Keep the connections of pooled databases open for the whole run."""
    async with databases.keep_warm():
        yield


@pytest.fixture(autouse=True)
async def no_task_outlives_its_test() -> AsyncIterator[None]:
    """End the tasks that a test has left behind: all tests share one loop."""
    before = asyncio.all_tasks()
    yield
    left = [task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A log that a test configures ends with it: what it was written to may be closed by then."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def seeded(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers of this test alone, the same again for the same TEST_SEED."""
    return random.Random(f"{SEED}:{request.node.nodeid}")


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> Kind:
    """Which database: see `pytest_generate_tests`."""
    kind: Kind = request.param
    return kind


@pytest.fixture(scope="session")
def _second_postgres() -> Iterator[Postgres]:
    if os.environ.get("TEST_POSTGRES_URL"):
        pytest.skip("the PostgreSQL in TEST_POSTGRES_URL is not ours to stop")
    server = Postgres()  # durable: what was committed before a kill is looked for after it
    yield server
    server.close()


@pytest.fixture
def breakable_postgres(_second_postgres: Postgres) -> Postgres:
    """A server beside the run's own that a test may stop, kill and freeze; it runs when the test begins."""
    return _second_postgres.start()


@pytest.fixture
def tables() -> Sequence[MetaData]:
    """The tables of `database`; none: those of the service that the test's folder is named after, migrated."""
    return ()


@pytest.fixture
async def database(
    request: pytest.FixtureRequest, kind: Kind, tables: Sequence[MetaData], tmp_path: Path
) -> AsyncIterator[Database]:
    """An empty database, leased from the pool."""
    if tables:
        leased = databases.declared(kind, tables, folder=tmp_path)
    else:
        service = request.path.relative_to(TESTS).parts[0]
        leased = databases.fresh(kind, service, folder=tmp_path, clock=SystemClock())
    async with leased as opened:
        yield opened
