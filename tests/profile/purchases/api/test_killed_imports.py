"""Imports whose workers are killed, each a process of its own: nothing is lost, nothing is done or counted twice."""

import csv
import io
import random
from typing import Any

import httpx2
import pytest

from services.profile.purchases.storage import tables
from shared.events.profile import PurchaseRecorded
from shared.files import parting
from shared.jobs.working import work_on_all
from tests.parts.killed import kill_in_the_middle, let_do, wait_for, worker
from tests.parts.sampling import limit
from tests.profile.running import Profile, purchase

pytestmark = pytest.mark.slow

ORDERS, KNOWN, BATCH_ROWS = 400, 30, 10
PIECES = 3
"""The pieces that are done before a job is cancelled. The chunk before them reads the file."""
HEADER = "order_id,customer,purchased_at,currency,sku,quantity,amount_minor"


async def begin(client: httpx2.AsyncClient) -> str:
    """Send a file with some orders that are recorded already, and some that are wrong."""
    rows = [
        f"{order},C-{order % 90},2026-03-01T09:30:00Z,CNY,TEA,1,{'x' if order % 40 == 7 else 500}"
        for order in range(ORDERS)
    ]
    begun = await client.post(
        "/v1/imports?source=till", content="\n".join([HEADER, *rows]), headers={"Content-Type": "text/csv"}
    )
    return str(begun.headers["location"])


async def sell_some(profile: Profile) -> None:
    lines = [{"sku": "TEA", "quantity": 1, "amount_minor": 500}]
    items = [
        purchase(
            order_id=f"{order}",
            source="till",
            purchased_at="2026-03-01T09:30:00Z",
            customer={"external_id": f"C-{order % 90}"},
            lines=lines,
        )
        for order in range(ORDERS)
        if order % 40 != 7
    ]
    answer = await profile.operator().post("/v1/purchases:batch", json={"items": items[:KNOWN]})
    assert {item["status"] for item in answer.json()["items"]} == {201}


@pytest.mark.both_databases
@pytest.mark.parametrize("seed", range(limit(1, 4)))
async def test_workers_are_killed_again_and_again(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(parting, "BATCH_ROWS_MAX", BATCH_ROWS)
    chance, client = random.Random(seed), profile.operator()
    await sell_some(profile)
    path = await begin(client)
    for _ in range(3):
        kill_in_the_middle(profile, chance.randrange(1, 9))
        job: dict[str, Any] = (await client.get(path)).json()
        assert job["state"] == "running"
        assert await profile.count(tables.purchase) == KNOWN + job["outcomes"].get("recorded", 0)
    await work_on_all(profile.runtime, {kind.operation: kind for kind in profile.service.job_kinds})

    job = (await client.get(path)).json()
    wrong = ORDERS // 40
    assert (job["state"], job["total"], job["done"], job["failed"]) == ("done", ORDERS, ORDERS - wrong, wrong)
    assert job["outcomes"] == {"recorded": ORDERS - wrong - KNOWN, "repeated": KNOWN}
    assert (
        await profile.count(tables.purchase)
        == ORDERS - wrong
        == len(await profile.events_of(PurchaseRecorded))
    )
    errors = (await client.get(f"{path}/errors")).json()["items"]
    assert [error["row"] for error in errors] == [order + 2 for order in range(7, ORDERS, 40)]
    result = (await client.get(job["result"])).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(result, newline="")))
    assert [int(row["row"]) for row in rows] == list(range(2, ORDERS + 2))


@pytest.mark.both_databases
async def test_a_job_is_cancelled_in_the_middle_and_its_worker_does_nothing_more(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parting, "BATCH_ROWS_MAX", BATCH_ROWS)
    client = profile.operator()
    path = await begin(client)
    with worker(profile) as process:
        let_do(process, 1 + PIECES)
        wait_for(process, 1 + PIECES)
        cancelled = (await client.post(f"{path}:cancel")).json()
        let_do(process, 1)
        wait_for(process, 1)
        assert process.wait() == 0, "it ends by itself"
    assert cancelled["state"] == "cancelled"
    job = (await client.get(path)).json()
    assert job == cancelled, "nothing is done after it"
    assert job["done"] + job["failed"] == PIECES * BATCH_ROWS
    assert await profile.count(tables.purchase) == job["done"] == job["outcomes"]["recorded"]
