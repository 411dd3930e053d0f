import asyncio
import io
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared import logs
from shared.clock import ManualClock
from shared.db import open_database
from tests.parts.postgres import Postgres
from tests.parts.till import NOW, SALE, Till, fill, open_till_on

PATH = "/v1/customers/cus_a/sales"
ANSWER_SECONDS_MAX = 5.0
CLIENTS = 15
"""More than a process has connections: some wait for one that hangs."""


@asynccontextmanager
async def prepared_till(server: Postgres, home: Path) -> AsyncIterator[Till]:
    """Open a till on a new database of a server that may be stopped."""
    clock = ManualClock(NOW)
    database = open_database(await server.create_database(), clock=clock)
    await fill(database)
    try:
        async with open_till_on(home, database, clock) as till:
            yield till
    finally:
        await database.close()


@pytest.mark.postgresql
async def test_while_the_database_is_away_everything_is_a_503_in_time_and_then_it_goes_on(
    breakable_postgres: Postgres, tmp_path: Path
) -> None:
    databases = breakable_postgres
    try:
        async with prepared_till(databases, tmp_path) as till:
            await sells(till, "before", 201)
            databases.kill()
            written = io.StringIO()
            logs.configure("till", stream=written)
            await sells(till, "during", 503)
            async with till.client() as client:
                read, ready, metrics = [
                    await client.get(path) for path in (PATH, "/health/ready", "/metrics")
                ]
            databases.start()
            await sells(till, "during", 201)
            assert await till.count_sales() == 2
    finally:
        logs.configure("till")

    assert (read.status_code, read.json()["code"]) == (503, "unavailable")
    assert written.getvalue().count("the database is away or busy") == 1, "once, then every 30 s"
    assert read.headers["retry-after"] == "5"
    assert ready.json()["reasons"] == ["The database does not answer."]
    assert metrics.status_code == 200


@pytest.mark.postgresql
async def test_while_the_database_hangs_everybody_is_told_in_time_and_then_it_goes_on(
    breakable_postgres: Postgres, tmp_path: Path
) -> None:
    """Stopped, not dead: connections stay open, and nothing ever comes back on them."""
    databases = breakable_postgres
    async with prepared_till(databases, tmp_path) as till:
        assert await answers(till, PATH, ANSWER_SECONDS_MAX) == 200
        await sells(till, "before", 201)
        databases.hang()
        try:
            assert await answers(till, PATH, ANSWER_SECONDS_MAX) == 503
            await asyncio.gather(*(sells(till, f"during-{number}", 503) for number in range(CLIENTS)))
            assert await answers(till, "/health/ready", ANSWER_SECONDS_MAX) == 503
            assert await answers(till, "/metrics", ANSWER_SECONDS_MAX) == 200
        finally:
            databases.cont()
        await sells(till, "during-0", 201)
        assert await till.count_sales() == 2


async def answers(till: Till, path: str, seconds_max: float) -> int:
    began = time.monotonic()
    async with till.client() as client:
        status = (await client.get(path)).status_code
    assert time.monotonic() - began < seconds_max
    return status


async def sells(till: Till, key: str, status: int) -> None:
    began = time.monotonic()
    async with till.client() as client:
        answer = await client.post(PATH, json=SALE, headers={"Idempotency-Key": key})
    assert answer.status_code == status
    assert time.monotonic() - began < ANSWER_SECONDS_MAX


async def test_a_lost_race_is_a_503_that_may_be_tried_again(
    one_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deadlock(Exception):
        sqlstate = "40P01"

    async def lost(*_: object) -> None:
        raise Deadlock

    monkeypatch.setattr(one_till.runtime.database, "_commit", lost)
    async with one_till.client() as client:
        answer = await client.post(PATH, json=SALE, headers={"Idempotency-Key": "k"})

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert await one_till.count_sales() == 0


async def test_a_database_that_has_lost_rows_takes_nothing_also_what_tells_others_nothing(
    one_till: Till,
) -> None:
    path = "/v1/customers/cus_1/sales"
    async with one_till.client() as client:
        sale = (await client.post(path, json=SALE, headers={"Idempotency-Key": "k"})).json()
        one_till.runtime.database.behind = True
        voided = await client.delete(f"{path}/sal_1")
        read = await client.get(f"{path}/{sale['id']}")

    assert (voided.status_code, voided.json()["code"]) == (503, "unavailable")
    assert int(voided.headers["retry-after"]) > 0
    assert read.status_code == 200
