"""Windows that processes share: never more than the quota is accepted, and few statements are run for it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from shared.clock import ManualClock
from shared.db import open_database
from shared.http import limiter, rate_windows
from shared.http.limiter import QUOTA_SHARE, Limiter
from shared.http.rate_windows import CLOCKS_DIFFER, rate_window
from shared.http.rates import GENERAL, Standing
from tests.parts.postgres import Postgres
from tests.parts.till import NOW, Till, fill, open_till, open_till_on

ANA, BO = "cus_01k2m9d6v4e8r7a1b2c3d4e5fa", "cus_01k2m9d6v4e8r7a1b2c3d4e5fb"
SALES = f"/v1/customers/{ANA}/sales"
RULE = GENERAL["partner"]
SUBJECT = "partner:mart"
ANSWER_SECONDS_MAX = 5.0

pytestmark = pytest.mark.postgresql


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for draws on a machine that others use too."""
    monkeypatch.setattr(limiter, "DRAW_SECONDS_MAX", 30.0)


@asynccontextmanager
async def two_processes(folder: Path, **settings: Any) -> AsyncIterator[tuple[Till, Till]]:
    """Open a till twice over one PostgreSQL database, each with connections and memory of its own."""
    async with open_till(folder, "postgresql", **settings) as one:
        database = open_database(one.database.url, clock=one.clock)
        try:
            yield one, Till(one.service, replace(one.runtime, database=database), one.clock)
        finally:
            await database.close()


async def drawn(till: Till) -> int:
    """Return how many requests were drawn from all windows."""
    async with till.database.read() as read:
        return sum(row.used for row in await read.all(select(rate_window.c.used)))


async def counted(process: Limiter, requests: int) -> list[Standing]:
    """Count requests of one subject, one after the other."""
    standings = [await process.count(RULE, SUBJECT) for _ in range(requests)]
    return [standing for standing in standings if standing is not None]


@pytest.mark.parametrize("quota", [1, 19, 100, 1_999, 2_345])
async def test_one_process_accepts_exactly_the_quota(quota: int, tmp_path: Path, patient: None) -> None:
    async with open_till(tmp_path, "postgresql", rate_partner_per_minute=quota) as till:
        standings = await counted(Limiter(till.runtime), quota + 3)

    assert [standing.accepted for standing in standings] == [True] * quota + [False] * 3
    assert [standing.left for standing in standings] == [*reversed(range(quota)), 0, 0, 0]


async def test_of_many_requests_at_once_one_process_loses_none_that_it_has_drawn(
    tmp_path: Path, patient: None
) -> None:
    quota = 5 * QUOTA_SHARE
    async with open_till(tmp_path, "postgresql", rate_partner_per_minute=quota) as till:
        process = Limiter(till.runtime)
        standings = await asyncio.gather(*(process.count(RULE, SUBJECT) for _ in range(quota + 50)))

        assert sum(standing is not None and standing.accepted for standing in standings) == quota
        assert await drawn(till) == quota


async def test_two_processes_accept_exactly_a_small_quota(tmp_path: Path, patient: None) -> None:
    quota = QUOTA_SHARE
    async with two_processes(tmp_path, rate_customer_per_minute=quota) as (one, other):
        async with one.customer(ANA) as first, other.customer(ANA) as second:
            asked = [client.get(SALES) for client in (first, second) for _ in range(quota)]
            statuses = [answer.status_code for answer in await asyncio.gather(*asked)]

    assert sorted(statuses) == [200] * quota + [429] * quota


async def test_what_one_process_accepts_the_other_sees_at_once(tmp_path: Path, patient: None) -> None:
    async with two_processes(tmp_path, rate_customer_per_minute=4) as (one, other):
        async with one.customer(ANA) as first, other.customer(ANA) as second:
            answers = [await client.get(SALES) for client in (first, second, first, second, first, second)]

    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == [
        "r=3", "r=2", "r=1", "r=0", "r=0", "r=0",
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2


async def test_two_processes_never_accept_more_than_a_large_quota(tmp_path: Path, patient: None) -> None:
    quota = 3_000
    async with two_processes(tmp_path, rate_partner_per_minute=quota) as (one, other):
        processes = [Limiter(one.runtime), Limiter(other.runtime)]
        runs = await asyncio.gather(*(counted(process, quota) for process in processes))
        accepted = sum(standing.accepted for run in runs for standing in run)

    assert accepted <= quota
    assert accepted >= quota - quota // QUOTA_SHARE, "at most one draw is left over in a process that stops"


async def test_a_large_quota_costs_few_statements_and_a_refused_subject_none(
    tmp_path: Path, patient: None
) -> None:
    quota = 1_000
    async with open_till(tmp_path, "postgresql", rate_partner_per_minute=quota) as till:
        process = Limiter(till.runtime)
        await counted(process, 1)
        at_first = await drawn(till)
        await counted(process, quota)
        used_up = await drawn(till)
        await counted(process, 500)

        assert at_first == quota // QUOTA_SHARE
        assert used_up == await drawn(till) == quota


async def test_the_windows_name_nobody(tmp_path: Path, patient: None) -> None:
    async with open_till(tmp_path, "postgresql", rate_partner_per_minute=5) as till:
        await counted(Limiter(till.runtime), 1)
        (row,) = await till.rows(rate_window)

    assert (len(row.bucket), row.ends_at, row.used) == (16, NOW + timedelta(minutes=1), 1)
    assert b"mart" not in row.bucket


async def test_windows_that_are_over_are_deleted_and_open_ones_are_not(tmp_path: Path, patient: None) -> None:
    async with open_till(tmp_path, "postgresql", rate_partner_per_minute=5) as till:
        process = Limiter(till.runtime)
        await counted(process, 1)
        till.clock.advance(timedelta(minutes=1) + CLOCKS_DIFFER + timedelta(seconds=1))
        await counted(process, 1)
        async with till.database.begin() as tx:
            deleted = await rate_windows.prune(tx, till.runtime.context)
        kept = await till.rows(rate_window)

    assert deleted == 1
    assert [row.ends_at > till.clock.now() for row in kept] == [True]


@asynccontextmanager
async def breakable_till(server: Postgres, home: Path) -> AsyncIterator[Till]:
    """Open a till with small quotas on a new database of a server that may be stopped."""
    clock = ManualClock(NOW)
    database = open_database(await server.create_database(), clock=clock)
    await fill(database)
    try:
        async with open_till_on(home, database, clock, rate_customer_per_minute=2) as till:
            yield till
    finally:
        await database.close()


async def test_while_the_database_is_away_nothing_is_counted_and_then_it_is(
    breakable_postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "REST_SECONDS", 0.0)
    async with breakable_till(breakable_postgres, tmp_path) as till, till.customer(ANA) as client:
        async with till.customer(BO) as refused:
            before = [(await refused.get(SALES)).status_code for _ in range(3)]
            breakable_postgres.kill()
            during = await refused.get(SALES)
        away = [await client.get(SALES) for _ in range(3)]
        breakable_postgres.start()
        back = [await client.get(SALES) for _ in range(3)]

    assert (before, during.status_code) == ([404, 404, 429], 429), "who was refused before stays refused"
    assert [(answer.status_code, answer.json()["code"]) for answer in away] == [(503, "unavailable")] * 3
    assert {answer.headers["ratelimit-policy"] for answer in away} == {'"customer";q=2;w=60'}
    assert not any("ratelimit" in answer.headers for answer in away), "nobody knows what is left"
    assert [answer.status_code for answer in back] == [200, 200, 429]
    assert till.app.state.limiter.uncounted == 3


async def test_while_the_database_hangs_who_was_not_counted_before_is_answered_in_time(
    breakable_postgres: Postgres, tmp_path: Path
) -> None:
    async with breakable_till(breakable_postgres, tmp_path) as till, till.customer(ANA) as client:
        breakable_postgres.hang()
        try:
            began = time.monotonic()
            answers = await asyncio.gather(*(client.get(SALES) for _ in range(5)))
            took = time.monotonic() - began
        finally:
            breakable_postgres.cont()

    assert {answer.status_code for answer in answers} == {503}
    assert took < ANSWER_SECONDS_MAX
