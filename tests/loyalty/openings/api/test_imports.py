"""Files of opening balances over HTTP: what is brought, what is refused with its row, what a dry run leaves, and kills."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.loyalty.ledger.storage.tables import lot, posting, wallet
from services.loyalty.openings.storage.tables import opening
from shared.events.loyalty import PointsEarned
from shared.files import parting
from shared.jobs.working import work_on_all
from shared.limits import MEMBER_POINTS_MAX
from tests.loyalty.shop import START, Shop, bought, customer, erased, merged, registered, returned
from tests.parts.killed import kill_in_the_middle

HEADER = "row_id,customer,points,earned_at,available_at,expires_at"
PATH = "/v1/imports/opening-balances?source=old"
EARNED = "2025-05-01T00:00:00Z"
ROWS, BATCH = 60, 10


def row(row_id: object, name: str, points: object = 100, earned: str = EARNED, dates: str = ",") -> str:
    return f"{row_id},{name},{points},{earned},{dates}"


def file_of(*rows: str) -> str:
    return "\n".join([HEADER, *rows, ""])


async def send(shop: Shop, content: str, query: str = "") -> str:
    begun = await shop.operator("admin").post(
        PATH + query, content=content, headers={"Content-Type": "text/csv"}
    )
    assert begun.status_code == 202, begun.text
    return str(begun.headers["location"])


async def work(shop: Shop) -> None:
    await work_on_all(shop.runtime, {kind.operation: kind for kind in shop.service.job_kinds})


async def imported(shop: Shop, content: str, query: str = "") -> dict[str, Any]:
    """Import a file to its end, and return the job with its errors by row and column."""
    path = await send(shop, content, query)
    await work(shop)
    client = shop.operator("admin")
    job: dict[str, Any] = (await client.get(path)).json()
    assert job["state"] == "done"
    errors = (await client.get(f"{path}/errors")).json()["items"]
    return job | {"errors": {(error["row"], error["pointer"]): error["code"] for error in errors}}


async def report(shop: Shop, job: dict[str, Any]) -> list[dict[str, str]]:
    content = (await shop.operator("admin").get(job["result"])).content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(content, newline="")))


def named(shop: Shop, identity_id: str, external_id: str) -> Any:
    """The registration of a customer who has an external id."""
    known = registered(identity_id, START)
    return known.model_copy(update={"references": (shop.vault.reference("shop", external_id),)})


@pytest.mark.both_databases
async def test_rows_are_brought_as_lots_with_their_dates(shop: Shop) -> None:
    ana, bo = customer(), customer()
    await shop.tell(named(shop, ana, "C-1"), registered(bo, START))
    content = file_of(
        row(1, "ext:C-1", 100, dates=",2026-04-01T00:00:00Z"),
        row(2, ana, 30),
        row(3, bo, 50, dates="2026-03-10T00:00:00Z,"),
        row(4, "ext:C-1", 7, dates=",2026-02-01T00:00:00Z"),
    )
    job = await imported(shop, content)
    assert (job["done"], job["failed"], job["errors"]) == (4, 0, {})
    assert job["outcomes"] == {"expired": 1, "pending": 1, "recorded": 2}
    rows = sorted(await report(shop, job), key=lambda line: int(line["row"]))
    assert [(line["row_id"], line["outcome"], line["id"][:4]) for line in rows] == [
        *(("1", "recorded", "opn_"), ("2", "recorded", "opn_"), ("3", "pending", "opn_")),
        ("4", "expired", "opn_"),
    ]
    assert await shop.active(ana) == 130
    assert (await shop.balance(bo)).pending == 50
    events = await shop.events_of(PointsEarned)
    assert sorted((event.points, event.cause.kind) for event in events) == [
        (points, "opening") for points in (7, 30, 50, 100)
    ]
    entries = (await shop.operator("viewer").get(f"/v1/members/{ana}/ledger")).json()["items"]
    openings = [entry for entry in entries if entry["kind"] == "opening"]
    shown = {(entry["points"], entry["change"], entry["source"]) for entry in openings}
    assert shown == {(100, 100, "old"), (30, 30, "old"), (7, 7, "old")}
    lots = (await shop.operator("viewer").get(f"/v1/members/{ana}/lots")).json()["items"]
    assert {(part["rule"], part["earned_at"]) for part in lots} == {("opening", EARNED)}

    assert (await shop.operator("analyst").get("/v1/finance/liability")).json()["net_points"] == 180
    rolled = (await shop.operator("analyst").get("/v1/finance/roll-forward?from=2026-03&to=2026-03")).json()
    (month,) = rolled["months"]
    assert (month["imported"], month["issued"], month["expired"], month["closing"]) == (187, 0, 7, 180)

    shop.clock.advance(timedelta(days=10))
    assert await shop.active(bo) == 50
    shop.clock.advance(timedelta(days=30))
    assert await shop.active(ana) == 30
    await shop.check()
    assert list(await shop.untold()) == []


@pytest.mark.both_databases
async def test_the_same_file_twice_and_a_dry_run_change_nothing(shop: Shop) -> None:
    ana = customer()
    await shop.tell(registered(ana, START))
    content = file_of(row(1, ana), row(2, ana, 30), row(1, ana), row("x", ana, "many"))
    tables = (opening, lot, posting, wallet)
    before = [await shop.count(table) for table in tables]
    tried = await imported(shop, content, "&dry_run=true")
    assert [await shop.count(table) for table in tables] == before
    assert (await shop.active(ana), await shop.events_of(PointsEarned)) == (0, [])

    done = await imported(shop, content)
    assert (tried["outcomes"], tried["errors"]) == (done["outcomes"], done["errors"])
    assert (done["outcomes"], done["errors"]) == ({"recorded": 2}, {(5, "/points"): "not_an_integer"})
    again = await imported(shop, content)
    assert again["outcomes"] == {"repeated": 2}
    assert await shop.active(ana) == 130
    assert len(await shop.events_of(PointsEarned)) == 2
    first, second = await report(shop, done), await report(shop, again)
    assert [line["id"] for line in first] == [line["id"] for line in second]
    await shop.check()


async def test_a_row_that_cannot_be_brought_is_named_with_its_column(shop: Shop) -> None:
    ana, bo, gone = customer(), customer(), customer()
    await shop.tell(*(registered(person, START) for person in (ana, bo, gone)), erased(gone, START))
    await imported(shop, file_of(row(1, ana), row(2, bo)))
    job = await imported(
        shop,
        file_of(
            row(1, ana, 99),
            row(2, ana),
            row(3, customer()),
            row(4, "ext:nobody"),
            row(5, gone),
            row(6, "ana"),
            row(7, ana, earned="2026-03-02T09:00:00Z"),
            row(8, ana, dates=",2025-05-01T00:00:00Z"),
            row(9, ana, dates="2026-01-01T00:00:00Z,2025-12-31T00:00:00Z"),
            row(10, ana, MEMBER_POINTS_MAX),
            row(11, ana, 0),
            row(12, ana, earned="yesterday"),
            row(13, ana, 5),
            row(14, bo),
            row(13, ana, 6),
            row(15, ana, earned="9999-01-01T00:00:00Z"),
            row(16, ana, dates=",9999-01-01T00:00:00Z"),
        ),
    )
    assert job["errors"] == {
        (2, "/points"): "differs",
        (3, "/customer"): "differs",
        (4, "/customer"): "member_not_found",
        (5, "/customer"): "member_not_found",
        (6, "/customer"): "member_not_found",
        (7, "/customer"): "customer_name",
        (8, "/earned_at"): "in_the_future",
        (9, "/expires_at"): "expires_before",
        (10, "/expires_at"): "expires_before",
        (11, "/points"): "too_many_points",
        (12, "/points"): "too_small",
        (13, "/earned_at"): "instant_invalid",
        (16, "/points"): "differs_in_order",
        (17, "/earned_at"): "at_out_of_range",
        (18, "/expires_at"): "at_out_of_range",
    }
    assert (job["done"], await shop.active(ana), await shop.active(bo)) == (1, 100, 200)


@pytest.mark.both_databases
async def test_workers_are_killed_and_every_row_is_brought_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parting, "BATCH_ROWS_MAX", BATCH)
    people = [customer() for _ in range(7)]
    await shop.tell(*(registered(person, START) for person in people))
    content = file_of(*(row(number, people[number % 7], number + 1) for number in range(ROWS)))
    path = await send(shop, content)
    for chunks in (2, 1):
        kill_in_the_middle(shop, chunks)
        assert (await shop.operator("admin").get(path)).json()["state"] == "running"
    await work(shop)
    job = (await shop.operator("admin").get(path)).json()
    assert (job["state"], job["done"], job["outcomes"]) == ("done", ROWS, {"recorded": ROWS})
    assert await shop.count(opening) == len(await shop.events_of(PointsEarned)) == ROWS
    assert sum([await shop.active(person) for person in people]) == ROWS * (ROWS + 1) // 2
    await shop.check()


async def test_what_was_brought_pays_a_debt_and_follows_merges(shop: Shop) -> None:
    ana, bo = customer(), customer()
    purchase = bought(ana, [(1, 5_000)], START)
    await shop.tell(purchase, registered(bo, START))
    await shop.redeem(ana, 50)
    await shop.tell(returned(purchase, [(1, 1, 1)]))
    assert await shop.active(ana) == -50
    await imported(shop, file_of(row(1, ana, 80), row(2, bo, 5)))
    assert await shop.active(ana) == 30
    await shop.tell(merged(bo, ana, 1, START))
    assert await shop.active(ana) == 35
    assert (await imported(shop, file_of(row(2, bo, 5), row(1, ana, 80))))["outcomes"] == {"repeated": 2}
    assert (await imported(shop, file_of(row(2, ana, 5))))["outcomes"] == {"repeated": 1}, "they are one now"
    await shop.tell(merged(bo, bo, 2, START))
    assert (await shop.active(ana), await shop.active(bo)) == (30, 5)
    await shop.check()


@pytest.mark.parametrize("role", ["manager", "agent", "analyst", "viewer"])
async def test_only_an_admin_brings_points(shop: Shop, role: Any) -> None:
    answer = await shop.operator(role).post(PATH, content=file_of(), headers={"Content-Type": "text/csv"})
    assert answer.status_code == 403


async def test_verify_finds_a_row_that_was_changed(shop: Shop) -> None:
    ana = customer()
    await shop.tell(registered(ana, START))
    await imported(shop, file_of(row(1, ana)))
    async with shop.database.begin() as tx:
        await tx.run(text("DROP TRIGGER opening_append_only_update"))
        await tx.run(text("UPDATE opening SET points = 101"))
    assert [drift.rule for drift in await shop.drift()] == ["opening_is_its_lot"]
