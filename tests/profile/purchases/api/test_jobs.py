"""Jobs over HTTP: to whom they are shown, how they are cancelled, and what is said when there is no result."""

from typing import Any

import httpx2
import pytest

from shared.jobs import limits, storage
from shared.jobs.working import do_chunk, take, work_on_all
from tests.profile.running import Profile, purchase

FILE = (
    "order_id,customer,purchased_at,currency,sku,quantity,amount_minor\n1,,2026-03-01T09:30:00Z,CNY,TEA,1,x\n"
)


async def export(client: httpx2.AsyncClient, **headers: str) -> dict[str, Any]:
    answer = await client.post("/v1/exports", json={}, headers=headers)
    assert answer.status_code == 202, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def work(profile: Profile) -> None:
    await work_on_all(profile.runtime, {kind.operation: kind for kind in profile.service.job_kinds})


async def test_a_job_is_queued_running_and_done(profile: Profile) -> None:
    client = profile.operator("analyst", name="li.lei")
    begun = await export(client)
    path = f"/v1/jobs/{begun['id']}"
    assert (begun["state"], begun["done"], begun["progress"], begun["result"]) == ("queued", 0, None, None)
    assert begun["requested_by"] != "operator:li.lei", "an analyst sees no names"
    assert (await profile.operator("admin").get(path)).json()["requested_by"] == "operator:li.lei"
    early = await client.get(f"{path}/result")
    assert (early.status_code, early.json()["code"]) == (409, "job_not_done")

    await work(profile)
    done = (await client.get(path)).json()
    assert (done["state"], done["progress"], done["result"]) == ("done", 1.0, f"{path}/result")
    assert done["expires_at"] is not None


async def test_a_repeat_with_the_same_key_is_the_same_job(profile: Profile) -> None:
    client = profile.operator("admin")
    first, again = [await export(client, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert first == again
    assert len((await client.get("/v1/jobs")).json()["items"]) == 1


async def test_everybody_sees_their_own_jobs_and_managers_see_all(profile: Profile) -> None:
    ana, bo = profile.operator("analyst", name="ana"), profile.operator("analyst", name="bo")
    of_ana, of_bo = (await export(ana))["id"], (await export(bo))["id"]

    async def listed(client: httpx2.AsyncClient, query: str = "") -> list[str]:
        answer = await client.get(f"/v1/jobs{query}")
        return [job["id"] for job in answer.json()["items"]]

    assert (await listed(ana), await listed(bo)) == ([of_ana], [of_bo])
    for role in ("manager", "admin"):
        assert await listed(profile.operator(role, name="cy")) == [of_bo, of_ana]
    assert await listed(profile.operator("viewer", name="cy")) == []
    admin = profile.operator("admin")
    assert await listed(admin, "?state=done") == []
    assert await listed(admin, "?operation=export_purchases&limit=1") == [of_bo]
    for path in ("", "/errors", "/result"):
        hidden = await bo.get(f"/v1/jobs/{of_ana}{path}")
        unknown = await bo.get(f"/v1/jobs/job_01k2m9d6v4e8r7a1b2c3d4e5f6{path}")
        assert (hidden.status_code, hidden.json()["code"]) == (404, "job_not_found")
        assert hidden.json()["detail"] == unknown.json()["detail"]
    refused = await bo.post(f"/v1/jobs/{of_ana}:cancel")
    assert (refused.status_code, refused.json()["code"]) == (404, "job_not_found")


async def test_a_list_is_read_page_by_page(profile: Profile) -> None:
    client = profile.operator("admin")
    ids = [(await export(client))["id"] for _ in range(5)]
    first = (await client.get("/v1/jobs?limit=3")).json()
    rest = (await client.get(f"/v1/jobs?limit=3&cursor={first['next_cursor']}")).json()
    assert [job["id"] for job in (*first["items"], *rest["items"])] == ids[::-1]
    foreign = await profile.operator("analyst").get(f"/v1/jobs?limit=3&cursor={first['next_cursor']}")
    assert foreign.json()["code"] == "cursor_invalid"


@pytest.mark.both_databases
async def test_a_running_job_is_cancelled(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.profile.purchases.usecases.export_purchases.PAGE", 1)
    for number in range(3):
        await profile.operator().post("/v1/purchases", json=purchase(order_id=f"{number}"))
    client = profile.operator("admin")
    path = f"/v1/jobs/{(await export(client))['id']}"
    taken = await take(profile.runtime, {kind.operation: kind for kind in profile.service.job_kinds})
    assert taken is not None
    taken = await do_chunk(profile.runtime, taken)
    assert taken is not None

    cancelled = (await client.post(f"{path}:cancel")).json()
    assert (cancelled["state"], cancelled["done"], cancelled["result"]) == ("cancelled", 1, None)
    assert await do_chunk(profile.runtime, taken) is None
    again = await client.post(f"{path}:cancel")
    assert (again.status_code, again.json()["code"]) == (409, "job_ended")
    result = await client.get(f"{path}/result")
    assert (result.status_code, result.json()["code"]) == (409, "job_not_done")
    assert "will never have a result" in result.json()["detail"]


async def test_errors_are_told_in_the_language_of_the_reader(profile: Profile) -> None:
    client = profile.operator()
    begun = await client.post("/v1/imports?source=till", content=FILE, headers={"Content-Type": "text/csv"})
    await work(profile)
    path = begun.headers["location"]
    first = (await client.get(f"{path}/errors?limit=1")).json()
    rest = (await client.get(f"{path}/errors?limit=1&cursor={first['next_cursor']}")).json()
    assert {error["code"] for error in (*first["items"], *rest["items"])} == {
        "customer_blank",
        "not_an_integer",
    }
    chinese = (await client.get(f"{path}/errors", headers={"Accept-Language": "zh"})).json()["items"]
    assert chinese[0]["detail"].startswith("顾客为空")


async def test_one_caller_has_so_many_open_jobs_at_most(profile: Profile) -> None:
    client = profile.operator("admin")
    for _ in range(limits.OPEN_MAX):
        await export(client)
    answer = await client.post("/v1/exports", json={})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_jobs")
    assert answer.headers["retry-after"] == "60"


async def test_a_job_whose_time_is_over_is_unknown_also_while_a_part_of_it_is_left(profile: Profile) -> None:
    client = profile.operator("admin")
    answer = await client.post("/v1/imports?source=web", content=FILE, headers={"Content-Type": "text/csv"})
    path = f"/v1/jobs/{answer.json()['id']}"
    await work(profile)
    errors = (await client.get(f"{path}/errors")).json()["items"]
    profile.clock.advance(limits.KEPT)
    async with profile.database.begin() as tx:
        await storage.prune(tx, profile.runtime.context)

    client = profile.operator("admin")  # the former token has expired too
    assert errors
    for part in ("", "/errors", "/result"):
        gone = await client.get(f"{path}{part}")
        assert (gone.status_code, gone.json()["code"]) == (404, "job_not_found")
    assert (await client.get("/v1/jobs")).json()["items"] == []
