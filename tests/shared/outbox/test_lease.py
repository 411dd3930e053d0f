"""One holder at a time, also when the holder is stopped without knowing it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from shared.outbox import lease as leasing
from shared.outbox.lease import FileLease, Lease, LeaseLost, PostgresLease, open_lease
from tests.parts import databases
from tests.parts.processes import freeze

TAKEOVER_SECONDS_MAX = 15

HOLDER = """
import asyncio, sys
from pathlib import Path
from shared.outbox.lease import open_lease

async def main() -> None:
    lease = open_lease(sys.argv[1], Path(sys.argv[2]), "loyalty")
    await lease.acquire()
    print("held", flush=True)
    while lease.held():
        await asyncio.sleep(0.05)
    print("lost", flush=True)

asyncio.run(main())
"""


@pytest.fixture
async def url(kind: databases.Kind, tmp_path: Path) -> AsyncIterator[str]:
    async with databases.declared(kind, [], folder=tmp_path, own=True) as database:
        yield database.url


@contextmanager
def holder(url: str, home: Path) -> Iterator[Popen[str]]:
    """Another process that holds the lease."""
    with Popen([sys.executable, "-c", HOLDER, url, str(home)], stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


async def taken(lease: Lease) -> bool:
    try:
        await asyncio.wait_for(lease.acquire(), 2 * leasing.RETRY_SECONDS)
    except TimeoutError:
        return False
    return True


async def test_a_second_one_waits_until_the_first_lets_go(url: str, tmp_path: Path) -> None:
    first, second = (open_lease(url, tmp_path, "loyalty") for _ in range(2))
    await first.acquire()
    assert first.held()
    assert not await taken(second)
    assert not second.held()
    await first.release()
    assert not first.held()
    assert await taken(second)
    await second.release()


async def test_leases_of_different_services_do_not_meet(url: str, tmp_path: Path) -> None:
    loyalty, feedback = (open_lease(url, tmp_path, name) for name in ("loyalty", "feedback"))
    await loyalty.acquire()
    assert await taken(feedback)
    await loyalty.release()
    await feedback.release()


async def test_a_killed_holders_lease_is_taken_over(url: str, tmp_path: Path) -> None:
    with holder(url, tmp_path) as process:
        process.kill()
        process.wait()
        mine = open_lease(url, tmp_path, "loyalty")
        await asyncio.wait_for(mine.acquire(), TAKEOVER_SECONDS_MAX)
        await mine.release()


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_a_stopped_holder_loses_it_and_knows_so_when_it_goes_on(url: str, tmp_path: Path) -> None:
    """A bare advisory lock is never taken over from a stopped process; this one is, and the zombie sees its clock."""
    with holder(url, tmp_path) as process:
        freeze(process.pid)
        mine = PostgresLease(url, "loyalty")
        await asyncio.wait_for(mine.acquire(), TAKEOVER_SECONDS_MAX)
        os.kill(process.pid, signal.SIGCONT)
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == "lost\n"
        assert mine.held()
        await mine.release()


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_a_lease_is_over_when_its_last_heartbeat_is_too_old_whoever_noticed(
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process that was stopped goes on where it was, before its heartbeat can fail: only its clock can tell it."""
    monkeypatch.setattr(leasing, "HELD_SECONDS", 0.0)
    lease = PostgresLease(url, "loyalty")
    await lease.acquire()
    assert not lease.held()
    with pytest.raises(LeaseLost):
        lease.check()
    await lease.release()


async def test_the_holder_doubts_itself_before_the_server_gives_the_lease_away() -> None:
    assert leasing.HELD_SECONDS < leasing.SESSION_SECONDS
    assert leasing.HEARTBEAT_SECONDS < leasing.HELD_SECONDS / 2


async def test_a_second_holder_of_one_home_is_told_at_once(tmp_path: Path) -> None:
    first, second = FileLease(tmp_path / "huitou.lease"), FileLease(tmp_path / "huitou.lease")
    assert first.try_acquire()
    assert not second.try_acquire()
    await first.release()
    assert second.try_acquire()
    await second.release()
