"""Lists of profile in every order that they have, and what has changed or come since the last reading."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from services.profile.people.domain.customers import CustomerSelection
from services.profile.people.storage import identities
from services.profile.people.storage.tables import identity
from services.profile.purchases.domain.purchases import PurchaseSelection
from services.profile.purchases.domain.returns import ReturnSelection
from services.profile.purchases.storage import purchases, returns
from shared.db import Slice, Tx
from tests.parts.rows_read import rows_read, stay_without_statistics, take_indexes
from tests.profile.running import NOW, Profile, back, open_profile, reported

ROWS, PAGE, ROWS_MAX = 120, 5, 30


async def listed(profile: Profile, path: str, field: str, **params: Any) -> list[Any]:
    """Return one field of all items of a list, page by page."""
    seen: list[Any] = []
    async with profile.operator() as agent:
        while True:
            answer = await agent.get(path, params={"limit": 2, **params})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            seen += [item[field] for item in page["items"]]
            if page["next_cursor"] is None:
                return seen
            params["cursor"] = page["next_cursor"]


@pytest.mark.both_databases
async def test_purchases_and_returns_are_sorted_by_both_their_times(profile: Profile) -> None:
    for number, days in enumerate((3, 1, 2)):
        profile.clock.set(NOW + timedelta(minutes=number))
        at = NOW - timedelta(days=days)
        await profile.buy(reported(str(number), external_id="C-1", at=at))
        await profile.give_back(back(f"R-{number}", str(number), at=at + timedelta(hours=1)))

    for path, field, fact in (
        ("/v1/purchases", "order_id", "purchased_at"),
        ("/v1/returns", "order_id", "returned_at"),
    ):
        assert await listed(profile, path, field) == ["2", "1", "0"]
        assert await listed(profile, path, field, sort="recorded_at") == ["0", "1", "2"]
        assert await listed(profile, path, field, sort=fact) == ["0", "2", "1"]
        assert await listed(profile, path, field, sort=f"-{fact}") == ["1", "2", "0"]
        assert await listed(profile, path, field, recorded_since="2026-03-10T12:01:00Z") == ["2", "1"]
        mine = {"customer_id": "ext:C-1", "sort": fact}
        assert await listed(profile, path, field, **mine) == ["0", "2", "1"]


@pytest.mark.both_databases
async def test_a_copy_of_the_customers_is_kept_by_what_was_updated_since(profile: Profile) -> None:
    async with profile.operator() as agent:
        ids = [
            (await agent.post("/v1/customers", json={"external_id": f"C-{number}"})).json()["id"]
            for number in range(4)
        ]
        profile.clock.advance(timedelta(hours=1))
        await agent.post("/v1/customers", json={"external_id": "C-2", "name": "Ana"})
        profile.clock.advance(timedelta(hours=1))
        await agent.post("/v1/customers", json={"external_id": "C-0", "phone": "13800138001"})
        await agent.post("/v1/customers", json={"external_id": "C-1"})
        await profile.buy(reported("1", external_id="C-1"))
        profile.clock.advance(timedelta(hours=1))
        await profile.buy(reported("2", external_id="C-1", phone="13800138002"))
        contested = {"external_id": "C-3", "phone": "13800138001"}
        for _ in range(2):
            profile.clock.advance(timedelta(hours=1))
            await agent.post("/v1/customers", json=contested)
        (last,) = (await agent.get("/v1/customers", params={"updated_since": "2026-03-10T16:00:00Z"})).json()[
            "items"
        ]

    since = "2026-03-10T13:00:00Z"
    in_order = [ids[2], ids[0], ids[1], ids[3]]
    assert await listed(profile, "/v1/customers", "id", updated_since=since, sort="updated_at") == in_order
    assert await listed(profile, "/v1/customers", "id", updated_since="2026-03-10T16:00:01Z") == []
    assert await listed(profile, "/v1/customers", "id") == ids[::-1]
    assert (last["id"], last["updated_at"]) == (ids[3], "2026-03-10T16:00:00Z")


@pytest.mark.both_databases
async def test_a_change_of_a_merged_identity_updates_its_customer(profile: Profile) -> None:
    async with profile.operator() as agent:
        merged, owner, other = [
            (await agent.post("/v1/customers", json={"external_id": f"C-{number}"})).json()["id"]
            for number in range(3)
        ]
        async with profile.database.begin() as tx:
            await tx.execute(
                update(identity)
                .where(identity.c.identity_id == merged)
                .values(owner_id=owner, ownership_version=1)
            )
        for change in ({"name": "Ana"}, {"phone": "13800138001"}):
            profile.clock.advance(timedelta(hours=1))
            since = f"{profile.clock.now():%Y-%m-%dT%H:%M:%SZ}"
            await agent.post("/v1/customers", json={"external_id": "C-0", **change})
            assert await listed(profile, "/v1/customers", "updated_at", updated_since=since) == [since]
            assert await listed(profile, "/v1/customers", "id", sort="-updated_at") == [owner, other]
        profile.clock.advance(timedelta(hours=1))
        since = f"{profile.clock.now():%Y-%m-%dT%H:%M:%SZ}"
        await profile.buy(reported("1", external_id="C-0", phone="13800138002"))
        assert await listed(profile, "/v1/customers", "id", updated_since=since) == [owner]


@pytest.mark.own_database
@pytest.mark.postgresql
async def test_each_sort_reads_the_rows_of_its_page(tmp_path: Path) -> None:
    async def read_purchases(tx: Tx, asked: Slice) -> int:
        everything = PurchaseSelection(None, None, None, None, None, None, None)
        return len(await purchases.page(tx, everything, asked))

    async def read_returns(tx: Tx, asked: Slice) -> int:
        return len(await returns.page(tx, ReturnSelection(None, None, None, None, None), asked))

    async def read_customers(tx: Tx, asked: Slice) -> int:
        return len(await identities.page(tx, CustomerSelection(None, None, None, None), asked))

    async with open_profile("postgresql", tmp_path) as profile:
        await stay_without_statistics(profile.database)
        numbers = range(ROWS)
        await profile.buy(*(reported(str(number), external_id=f"C-{number}") for number in numbers))
        await profile.give_back(*(back(f"R-{number}", str(number)) for number in numbers))
        for sorts, page in (
            (purchases.SORTS, read_purchases),
            (returns.SORTS, read_returns),
            (identities.SORTS, read_customers),
        ):
            for sort in sorts.names:
                async with profile.database.begin() as tx:
                    await take_indexes(tx)
                    before = await rows_read(tx)
                    assert await page(tx, Slice(sort, None, PAGE)) == PAGE
                    after = await rows_read(tx)
                too_many = {table: count for table, count in (after - before).items() if count > ROWS_MAX}
                assert too_many == {}, sort
