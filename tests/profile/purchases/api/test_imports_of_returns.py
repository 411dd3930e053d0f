"""Files of returns over HTTP: what is taken, what waits, what is refused, and that a dry run tells the same."""

from typing import Any

import httpx2
import pytest

from services.profile.purchases.storage.tables import purchase_return
from shared.files import parting
from shared.jobs.working import work_on_all
from tests.profile.running import Profile, purchase

HEADER = "return_id,order_id,returned_at,line,quantity"


def file_of(*rows: str) -> str:
    return "\n".join([HEADER, *rows, ""])


def row(return_id: str, order_id: str = "1", line: object = 1, quantity: object = 1) -> str:
    return f"{return_id},{order_id},2026-03-11T10:00:00Z,{line},{quantity}"


async def sell(profile: Profile, order_id: str, quantity: int = 3) -> None:
    lines = [{"sku": "TEA", "quantity": quantity, "amount_minor": 100 * quantity}]
    answer = await profile.operator().post(
        "/v1/purchases", json=purchase(order_id=order_id, source="till", lines=lines)
    )
    assert answer.status_code == 201, answer.text


async def imported(client: httpx2.AsyncClient, profile: Profile, content: str, query: str = "") -> Any:
    """Import a file to its end, and return the job with its errors by row and column."""
    begun = await client.post(
        f"/v1/imports/returns?source=till{query}", content=content, headers={"Content-Type": "text/csv"}
    )
    assert begun.status_code == 202, begun.text
    await work_on_all(profile.runtime, {kind.operation: kind for kind in profile.service.job_kinds})
    job = (await client.get(begun.headers["location"])).json()
    errors = (await client.get(f"{begun.headers['location']}/errors")).json()["items"]
    return job | {"errors": {(error["row"], error["pointer"]): error["code"] for error in errors}}


@pytest.mark.both_databases
async def test_returns_are_recorded_wait_or_are_refused_and_again_change_nothing(profile: Profile) -> None:
    await sell(profile, "1")
    content = file_of(row("R1"), row("R2", "later"), row("R3", line=7), row("R4", quantity="x"))
    job = await imported(profile.operator(), profile, content)
    assert (job["operation"], job["state"], job["total"]) == ("import_returns", "done", 4)
    assert (job["done"], job["failed"]) == (2, 2)
    assert job["outcomes"] == {"recorded": 1, "waiting": 1}
    assert job["errors"] == {(4, "/line"): "line_unknown", (5, "/quantity"): "not_an_integer"}
    events = len(await profile.events())

    again = await imported(profile.operator(), profile, content)
    assert again["outcomes"] == {"repeated": 1, "waiting": 1}
    assert (await profile.count(purchase_return), len(await profile.events())) == (1, events)


@pytest.mark.both_databases
@pytest.mark.parametrize("rows_max", [2, 1_000])
async def test_a_dry_run_counts_what_the_run_that_follows_counts(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, rows_max: int
) -> None:
    """The returns of one order meet in one chunk, though they stand apart in the file."""
    monkeypatch.setattr(parting, "BATCH_ROWS_MAX", rows_max)
    await sell(profile, "1", quantity=2)
    await sell(profile, "2", quantity=1)
    content = file_of(
        row("R1"),
        row("A", "2"),
        row("B", "3"),
        row("C", "4"),
        row("R2", quantity=2),
        row("D", "2"),
        row("E", "5"),
    )
    events = len(await profile.events())
    tried = await imported(profile.operator(), profile, content, "&dry_run=true")
    assert (await profile.count(purchase_return), len(await profile.events())) == (0, events)

    done = await imported(profile.operator(), profile, content)
    assert done["outcomes"] == {"recorded": 2, "waiting": 3}
    assert set(done["errors"]) == {(6, "/quantity"), (7, "/quantity")}
    repeated = await imported(profile.operator(), profile, content, "&dry_run=true")
    for name in ("outcomes", "done", "failed", "errors"):
        assert tried[name] == done[name]
    assert (repeated["outcomes"], repeated["failed"]) == ({"repeated": 2, "waiting": 3}, 2)


async def test_a_dry_run_names_no_id_of_a_return_that_would_wait(profile: Profile) -> None:
    tried = await imported(profile.operator(), profile, file_of(row("R1")), "&dry_run=true")
    result = await profile.operator().get(tried["result"])
    assert "2,waiting,R1,,,," in result.text


async def test_a_partner_needs_the_scope_of_returns(profile: Profile) -> None:
    sells = profile.partner("mart", ("purchases:write", "jobs:read"))
    answer = await sells.post(
        "/v1/imports/returns?source=till", content=file_of(), headers={"Content-Type": "text/csv"}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    takes_back = profile.partner("mart", ("returns:write", "jobs:read"))
    job = await imported(takes_back, profile, file_of(row("R1")))
    assert job["outcomes"] == {"waiting": 1}


async def test_a_batch_is_tried_and_nothing_is_kept(profile: Profile) -> None:
    client = profile.operator()
    bought = {"items": [purchase(order_id="1", source="till"), purchase(order_id="2", source="till")]}
    returned = {
        "items": [
            {
                "source": "till",
                "return_id": "R",
                "order_id": "1",
                "returned_at": "2026-03-11T10:00:00Z",
                "lines": [{"line": 1, "quantity": 1}],
            }
        ]
    }
    tried = await client.post("/v1/purchases:batch?dry_run=true", json=bought)
    assert [item["status"] for item in tried.json()["items"]] == [201, 201]
    assert (await client.get("/v1/purchases")).json()["items"] == []
    assert await profile.events() == []

    await client.post("/v1/purchases:batch", json={"items": bought["items"][:1]})
    (known, _) = (await client.post("/v1/purchases:batch?dry_run=true", json=bought)).json()["items"]
    (listed,) = (await client.get("/v1/purchases")).json()["items"]
    assert known["purchase"]["id"] == listed["id"], "a dry run knows what is recorded already"
    tried = await client.post("/v1/returns:batch?dry_run=true", json=returned)
    assert [item["status"] for item in tried.json()["items"]] == [201]
    assert (await client.get("/v1/returns")).json()["items"] == []
