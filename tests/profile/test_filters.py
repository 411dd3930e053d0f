"""The list of a partner reads the rows of its page alone, however many rows the shop has."""

from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import text

from services.profile.people.domain.customers import CustomerSelection
from services.profile.people.storage import identities
from services.profile.purchases.domain.purchases import PurchaseSelection
from services.profile.purchases.domain.returns import ReturnSelection
from services.profile.purchases.storage import purchases, returns
from shared.db import Read, Slice
from tests.parts.plans import PlannedRead
from tests.parts.rows_read import stay_without_statistics, too_many_rows
from tests.profile.running import Profile, back, open_profile, reported

ROWS, PAGE, ROWS_MAX = 60, 5, 30
MART = "partner:mart"


class List(Protocol):
    """A function that reads a page of a list."""

    def __call__(self, read: Read, asked: Slice) -> Awaitable[Sequence[object]]: ...


async def list_purchases(read: Read, asked: Slice) -> Sequence[object]:
    return await purchases.page(read, PurchaseSelection(None, None, MART, None, None, None, None), asked)


async def list_returns(read: Read, asked: Slice) -> Sequence[object]:
    return await returns.page(read, ReturnSelection(None, MART, None, None, None), asked)


async def list_customers(read: Read, asked: Slice) -> Sequence[object]:
    return await identities.page(read, CustomerSelection(MART, None, None, None), asked)


LISTS: Mapping[str, tuple[List, str]] = {
    "recorded_at of purchases": (list_purchases, "purchase_of_partner"),
    "recorded_at of returns": (list_returns, "purchase_return_of_partner"),
    "id of customers": (list_customers, "identity_of_partner"),
    "updated_at of customers": (list_customers, "identity_of_partner_updated"),
}


@pytest.mark.own_database
@pytest.mark.postgresql
async def test_a_list_of_a_partner_reads_the_rows_of_its_page(tmp_path: Path) -> None:
    async with open_profile("postgresql", tmp_path) as profile:
        await stay_without_statistics(profile.database)
        for turn, issuer in enumerate(("shop", MART, "shop")):
            names = [f"{turn}-{number}" for number in range(ROWS)]
            await profile.buy(*(reported(name, external_id=name) for name in names), issuer=issuer)
            await profile.give_back(*(back(name, name) for name in names), issuer=issuer)
        async with profile.database.begin() as tx:
            await tx.run(text("ANALYZE identity"))  # Else the planner takes the rows for few, and sorts them.
        for name, (rows_of, _) in LISTS.items():
            for sort in _both_ways(name):
                page = partial(rows_of, asked=Slice(sort, None, PAGE))
                too_many = await too_many_rows(profile.database, page, rows=PAGE, rows_max=ROWS_MAX)
                assert too_many == {}, f"{name}, {sort}"


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", LISTS)
async def test_one_index_serves_a_list_of_a_partner(profile: Profile, name: str) -> None:
    rows_of, index = LISTS[name]
    for sort in _both_ways(name):
        async with profile.database.read() as read:
            planned = PlannedRead(read)
            await rows_of(planned, Slice(sort, None, PAGE))
        steps, *_ = planned.plans
        assert any(f"INDEX {index} (issuer=?" in step for step in steps), steps
        assert not [step for step in steps if "TEMP B-TREE" in step or step.startswith("SCAN")], steps


def _both_ways(name: str) -> tuple[str, str]:
    field, _, _ = name.partition(" ")
    return field, f"-{field}"
