"""The worked example of the recipe is what the product says."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from services.loyalty.finance.domain.breakage import Cell, chances_to_expire
from tests.architecture.sources import ROOT
from tests.loyalty.programme.promised import publish
from tests.loyalty.shop import START, Shop, bought, customer, returned

RECIPE = (ROOT / "docs/recipes/close-a-month.md").read_text()


def table(first_heading: str) -> list[dict[str, str]]:
    """Return the rows of the table of the recipe whose first column has this heading."""
    lines = RECIPE[RECIPE.index(f"| {first_heading} |") :].split("\n\n")[0].splitlines()
    heading, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(heading, row, strict=True)) for row in rows]


async def say_what_points_are_worth(shop: Shop) -> None:
    """Before anything is booked, so that it is so from the beginning."""
    assert (await publish(shop, None, points_value={"points": 100, "amount_minor": 100})).status_code == 201


async def happened(shop: Shop) -> None:
    await say_what_points_are_worth(shop)
    ana, bo = customer(), customer()
    first = bought(ana, [(2, 40_000)], START)
    await shop.tell(first, bought(bo, [(1, 5_000)], START))
    await shop.redeem(ana, 60, ("web", first.order_id), [(2, 40_000)])
    shop.clock.advance(timedelta(days=31))
    await shop.tell(returned(first, [(1, 2, 2)]))
    await shop.adjust(bo, 7)
    await shop.adjust(bo, -2)
    shop.clock.advance(timedelta(days=30))
    await shop.tell(bought(bo, [(1, 1_000)], shop.clock.now()))


async def get(shop: Shop, path: str) -> Any:  # JSON
    answer = await shop.operator("analyst").get(f"/v1/finance/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.both_databases
async def test_the_roll_forward_of_the_recipe(shop: Shop) -> None:
    await happened(shop)
    months = (await get(shop, "roll-forward?from=2026-03&to=2026-05"))["months"]
    written = table("month")
    assert len(months) == len(written) == 3
    for month, row in zip(months, written, strict=True):
        worth = f"{month['closing_value_minor'] / 100:.2f}"
        assert {name: month[name] for name in row if name != "value"} | {"value": worth} == {
            name: text if name in ("month", "value") else int(text) for name, text in row.items()
        }
    liability = await get(shop, "liability?as_of=2026-04-30T23:59:59Z")
    assert (liability["net_points"], liability["total"]["value_minor"]) == (225, 225)
    assert liability["deferred_revenue_minor"] == 225


def test_the_estimate_of_the_recipe() -> None:
    cells: list[Cell] = []
    for number, row in enumerate(table("earned"), 1):
        cells += cells_of(date(2026, number, 1), list(row.values())[1:])
    chances = [str(chance) for chance in chances_to_expire(cells, date(2026, 3, 1))]
    assert chances == ["2/5", "4/7", "4/5"]
    assert all(chance in RECIPE for chance in chances)


def cells_of(cohort: date, row: Sequence[str]) -> list[Cell]:
    came, *redeemed, expired = (int(text or 0) for text in row)
    return [
        Cell(
            cohort=cohort,
            month=cohort.replace(month=cohort.month + age),
            came=came if age == 0 else 0,
            redeemed=points,
            expired=expired if age == 2 else 0,
            left=0,
        )
        for age, points in enumerate(redeemed)
        if points or (age == 2 and expired)
    ]
