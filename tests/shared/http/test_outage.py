import time
from pathlib import Path

import pytest

from tests.parts.postgres import Postgres, open_postgres
from tests.shared.http.till import SALE, Till, open_till

PATH = "/v1/customers/cus_a/sales"
ANSWER_SECONDS_MAX = 5.0


@pytest.mark.postgresql
async def test_while_the_database_is_away_everything_is_a_503_in_time_and_then_it_goes_on(
    tmp_path: Path,
) -> None:
    databases = open_postgres()
    if not isinstance(databases, Postgres):
        pytest.skip("the server in TEST_POSTGRES_URL is not ours to stop")
    try:
        async with open_till(tmp_path, await databases.create_database()) as till:
            await sells(till, "before", 201)
            databases.kill()
            await sells(till, "during", 503)
            async with till.client() as client:
                read, ready, metrics = [
                    await client.get(path) for path in (PATH, "/health/ready", "/metrics")
                ]
            databases.start()
            await sells(till, "during", 201)
            assert await till.count() == 2
    finally:
        databases.close()

    assert (read.status_code, read.json()["code"]) == (503, "unavailable")
    assert read.headers["retry-after"] == "5"
    assert ready.json()["reasons"] == ["The database does not answer."]
    assert metrics.status_code == 200


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

    monkeypatch.setattr(one_till.parts.database, "_commit", lost)
    async with one_till.client() as client:
        answer = await client.post(PATH, json=SALE, headers={"Idempotency-Key": "k"})

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert await one_till.count() == 0
