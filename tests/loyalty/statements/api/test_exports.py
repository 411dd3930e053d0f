"""Files of the ledger: every posting once, of one member or of all, and nothing that names a person."""

import csv
import io
from datetime import timedelta

import pytest

from services.loyalty.ledger.storage.tables import posting
from services.loyalty.statements.usecases import export_ledger
from services.loyalty.statements.usecases.export_ledger import COLUMNS
from shared.jobs.working import work_on_all
from tests.loyalty.shop import START, Shop, bought, customer, returned


async def work(shop: Shop) -> None:
    await work_on_all(shop.runtime, {kind.operation: kind for kind in shop.service.job_kinds})


async def exported(shop: Shop, customer_id: str | None = None) -> list[dict[str, str]]:
    client = shop.operator("analyst")
    begun = await client.post("/v1/exports", json={"customer_id": customer_id})
    assert begun.status_code == 202, begun.text
    await work(shop)
    job = (await client.get(begun.headers["location"])).json()
    content = (await client.get(job["result"])).content
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert job["done"] == len(rows)
    return rows


@pytest.mark.both_databases
async def test_the_file_balances_with_the_balances(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_ledger, "CHUNK_ITEMS_MAX", 2)
    ana, bo = customer(), customer()
    purchase = bought(ana, [(2, 2_000)], START)
    await shop.tell(purchase, bought(bo, [(1, 700)], START), returned(purchase, [(1, 2, 2)]))
    await shop.redeem(ana, 3)
    await shop.adjust(bo, 5)

    rows = await exported(shop)
    assert len(rows) == await shop.count(posting)
    assert tuple(rows[0]) == COLUMNS
    for member in (ana, bo):
        alone = await exported(shop, member)
        assert alone == [row for row in rows if row["customer_id"] == member]
        balance = sum(
            int(row["points"]) * ((row["to_account"] == "active") - (row["from_account"] == "active"))
            for row in alone
        )
        answer = (await shop.operator("viewer").get(f"/v1/members/{member}")).json()
        assert answer["points"]["active"] == balance > 0
    assert {row["kind"] for row in rows} >= {"purchase", "return", "redemption", "adjustment"}


async def test_what_is_booked_after_the_request_is_not_in_the_file(shop: Shop) -> None:
    ana = customer()
    await shop.tell(bought(ana, [(1, 500)], START))
    client = shop.operator("manager")
    begun = await client.post("/v1/exports", json={})
    shop.clock.advance(timedelta(hours=1))
    await shop.tell(bought(ana, [(1, 500)], START))
    await work(shop)
    assert (await client.get(begun.headers["location"])).json()["done"] == 1


async def test_an_unknown_member_is_refused_at_once(shop: Shop) -> None:
    answer = await shop.operator("admin").post("/v1/exports", json={"customer_id": customer()})
    assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")
