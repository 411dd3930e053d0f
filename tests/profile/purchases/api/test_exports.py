"""Files of purchases: what they hold, for whom, and that a spreadsheet opens them safely."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from services.profile.purchases.usecases import export_purchases
from services.profile.purchases.usecases.export_purchases import COLUMNS
from shared.jobs.working import work_on_all
from tests.profile.running import Profile, purchase


async def exported(profile: Profile, **chosen: Any) -> list[dict[str, str]]:
    client = profile.operator("analyst")
    begun = await client.post("/v1/exports", json=chosen)
    assert begun.status_code == 202, begun.text
    await work_on_all(profile.runtime, {kind.operation: kind for kind in profile.service.job_kinds})
    job = (await client.get(begun.headers["location"])).json()
    assert (job["state"], job["dry_run"], set(job["parameters"])) == ("done", False, set(chosen))
    answer = await client.get(job["result"])
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="purchases.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert job["done"] == job["total"] == len({row["purchase_id"] for row in rows})
    return rows


@pytest.mark.both_databases
async def test_a_file_holds_every_line_of_every_purchase_once(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_purchases, "PAGE", 3)
    client = profile.operator()
    ids = [
        (await client.post("/v1/purchases", json=purchase(order_id=f"{number}"))).json()["id"]
        for number in range(7)
    ]
    rows = await exported(profile)
    assert [row["purchase_id"] for row in rows] == ids[::-1]
    assert tuple(rows[0]) == COLUMNS
    assert (rows[0]["order_id"], rows[0]["amount_minor"], rows[0]["purchased_at"]) == (
        "6",
        "1000",
        "2026-03-10T09:30:00Z",
    )


async def test_a_file_without_purchases_has_its_header(profile: Profile) -> None:
    assert await exported(profile) == []


async def test_a_file_holds_what_was_chosen(profile: Profile) -> None:
    await profile.operator().post("/v1/purchases", json=purchase(order_id="1"))
    await profile.operator().post("/v1/purchases", json=purchase(order_id="2", source="till"))
    assert [row["order_id"] for row in await exported(profile, source="till")] == ["2"]
    until = (profile.clock.now() - timedelta(days=300)).isoformat()
    assert await exported(profile, purchased_until=until) == []


async def test_no_cell_is_a_formula_and_no_name_is_in_the_file(profile: Profile) -> None:
    lines = [{"sku": "=1+1", "quantity": 1, "amount_minor": 5, "category": "@tea", "name": "for Ana"}]
    await profile.operator().post("/v1/purchases", json=purchase(order_id="-1", lines=lines))
    (row,) = await exported(profile)
    assert (row["sku"], row["category"], row["order_id"]) == ("'=1+1", "'@tea", "'-1")
    assert not [cell for cell in row.values() if "Ana" in cell]


async def test_who_may_export_follows_the_role(profile: Profile) -> None:
    for role, status in (("viewer", 403), ("agent", 403), ("analyst", 202), ("manager", 202), ("admin", 202)):
        answer = await profile.operator(role).post("/v1/exports", json={})  # type: ignore[arg-type]
        assert answer.status_code == status, role
