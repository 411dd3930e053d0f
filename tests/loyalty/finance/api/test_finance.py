"""The finance figures over HTTP: worked examples, forms, refusals, and roles."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from services.loyalty.finance.jobs import close_months
from services.loyalty.finance.refusals import MONTHS_MAX
from services.loyalty.finance.storage.tables import closed_month, month_flow
from shared.auth.principal import Role
from tests.loyalty.earning.ruled import put_rules
from tests.loyalty.shop import START, Shop, bought, customer, erased, merged, returned

DAY = timedelta(days=1)


async def get(shop: Shop, path: str, **parameters: str) -> Any:  # JSON
    answer = await shop.operator("analyst").get(f"/v1/finance/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def rows_of(shop: Shop, path: str, **parameters: str) -> list[dict[str, str]]:
    answer = await shop.operator("analyst").get(f"/v1/finance/{path}", params={**parameters, "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


async def three_months(shop: Shop) -> None:
    """March to May of a shop with two members: earned, redeemed, given back, adjusted, merged."""
    ana, bo = customer(), customer()
    first = bought(ana, [(2, 20_000)], START)
    await shop.tell(first, bought(bo, [(1, 5_000)], START))
    await shop.redeem(ana, 60, ("web", first.order_id), [(2, 20_000)])
    shop.clock.advance(31 * DAY)
    await shop.tell(returned(first, [(1, 2, 2)]))
    await shop.adjust(bo, 7)
    await shop.adjust(bo, -2)
    shop.clock.advance(30 * DAY)
    await shop.tell(merged(bo, ana, 1, shop.clock.now()))
    await shop.tell(bought(bo, [(1, 1_000)], START))


@pytest.mark.both_databases
async def test_a_month_is_what_was_before_and_what_came_and_went(shop: Shop) -> None:
    await three_months(shop)

    body = await get(shop, "roll-forward", **{"from": "2026-02", "to": "2026-05"})

    assert body["programme"] == "default"
    february, march, april, may = body["months"]
    assert (february["opening"], february["closing"], february["issued"]) == (0, 0, 0)
    assert [march[name] for name in ("opening", "issued", "redeemed", "closing")] == [0, 250, 60, 190]
    assert [april[name] for name in ("opening", "returned", "reversed", "adjusted")] == [190, 30, 100, 5]
    assert (april["closing"], may["opening"], may["issued"], may["closing"]) == (125, 125, 10, 135)
    closed = [month["is_closed"] for month in (february, march, april, may)]
    assert closed == [True, False, False, False], "nothing was booked in February, and nothing can be"

    rows = await rows_of(shop, "roll-forward", **{"from": "2026-02", "to": "2026-05"})
    assert [row["closing"] for row in rows] == ["0", "190", "125", "135"]
    assert [row["is_closed"] for row in rows] == ["true", "false", "false", "false"]


@pytest.mark.both_databases
async def test_closed_months_say_the_same(shop: Shop) -> None:
    await three_months(shop)
    asked = {"from": "2026-02", "to": "2026-05"}
    live = await get(shop, "roll-forward", **asked)

    assert [await close_months(shop.runtime) for _ in range(3)] == [1, 1, 0]

    closed = await get(shop, "roll-forward", **asked)
    assert [month["is_closed"] for month in closed["months"]] == [True, True, True, False]
    for month in (*live["months"], *closed["months"]):
        del month["is_closed"]
    assert closed == live
    assert await shop.count(closed_month) == 2
    await shop.check()


async def test_a_month_is_closed_an_hour_after_its_end(shop: Shop) -> None:
    await shop.tell(bought(customer(), [(1, 1_000)], START))
    end = datetime(2026, 4, 1, tzinfo=UTC)
    shop.clock.advance(end + timedelta(minutes=59) - START)
    assert await close_months(shop.runtime) == 0
    shop.clock.advance(timedelta(minutes=1))
    assert await close_months(shop.runtime) == 1


@pytest.mark.both_databases
async def test_the_liability_of_any_day_and_its_parts(shop: Shop) -> None:
    await three_months(shop)

    now = await get(shop, "liability")
    march = await get(shop, "liability", as_of="2026-04-01T00:00:00Z")

    assert now["total"] == {"pending": 0, "active": 135, "held": 0, "points": 135, "value_minor": None}
    assert (now["net_points"], now["owed_points"], now["is_final"]) == (135, 0, False)
    assert (march["net_points"], march["is_final"]) == (190, True)
    assert [bucket["points"] for bucket in now["by_age"]] == [0, 135, 0, 0, 0, 0]
    assert [bucket["points"] for bucket in now["by_expiry"]][-1] == 135
    assert now["breakage"] == {
        "expected_points": None,
        "erased_points": 0,
        "rests_on": {"months": 0, "redeemed_points": 0, "expired_points": 0},
    }
    assert now["deferred_revenue_minor"] is None

    rows = await rows_of(shop, "liability")
    assert [row["part"] for row in rows] == [
        *("total", *["age"] * 6, *["expiry"] * 6, "no_expiry"),
        *("owed", "net", "expected_breakage", "erased", "deferred_revenue"),
    ]
    assert (rows[0]["points"], rows[-4]["points"]) == ("135", "135")
    assert sum(int(row["points"]) for row in rows if row["part"] == "age") == 135


async def test_points_of_erased_customers_are_told_apart(shop: Shop) -> None:
    ana, bo = customer(), customer()
    await shop.tell(bought(ana, [(1, 1_000)], START), bought(bo, [(1, 3_000)], START))
    await shop.tell(erased(ana, START))
    body = await get(shop, "liability")
    assert body["net_points"] == 40
    assert body["breakage"]["erased_points"] == 10


async def test_a_debt_is_owed_and_not_taken_off_the_points_of_others(shop: Shop) -> None:
    ana, bo = customer(), customer()
    first = bought(ana, [(1, 5_000)], START)
    await shop.tell(first, bought(bo, [(1, 3_000)], START))
    await shop.redeem(ana, 50)
    await shop.tell(returned(first, [(1, 1, 1)]))
    body = await get(shop, "liability")
    assert (body["total"]["points"], body["owed_points"], body["net_points"]) == (30, 50, -20)


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "2026-03", "to": "2026-02"},
        {"from": "2023-02", "to": "2026-02"},
        {"to": "2026-04"},
    ],
    ids=["backwards", "too many", "not begun"],
)
async def test_months_that_cannot_be_shown_are_refused(shop: Shop, asked: dict[str, str]) -> None:
    answer = await shop.operator("manager").get("/v1/finance/roll-forward", params=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "period_refused")
    assert str(MONTHS_MAX) in answer.json()["detail"]


async def test_the_most_months_are_shown(shop: Shop) -> None:
    body = await get(shop, "roll-forward", **{"from": "2023-03", "to": "2026-02"})
    assert len(body["months"]) == MONTHS_MAX
    assert len((await get(shop, "roll-forward"))["months"]) == 12


@pytest.mark.parametrize(
    ("as_of", "code"),
    [("2026-03-01T09:00:01Z", "as_of_in_future"), ("1850-01-01T00:00:00Z", "invalid_request")],
)
async def test_an_instant_that_no_book_has_is_refused(shop: Shop, as_of: str, code: str) -> None:
    answer = await shop.operator("manager").get("/v1/finance/liability", params={"as_of": as_of})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize("path", ["liability", "roll-forward"])
async def test_only_analysts_managers_and_admins_read_it(shop: Shop, path: str) -> None:
    refused: tuple[Role, ...] = ("viewer", "agent")
    for role in refused:
        assert (await shop.operator(role).get(f"/v1/finance/{path}")).status_code == 403
    admitted: tuple[Role, ...] = ("analyst", "manager", "admin")
    for role in admitted:
        assert (await shop.operator(role).get(f"/v1/finance/{path}")).status_code == 200
    assert (await shop.customer(customer()).get(f"/v1/finance/{path}")).status_code == 403


@pytest.mark.both_databases
async def test_verification_sees_a_closed_month_that_was_changed(shop: Shop) -> None:
    await three_months(shop)
    for _ in range(2):
        await close_months(shop.runtime)
    assert list(await shop.drift()) == []
    async with shop.database.begin() as tx:
        changed = month_flow.c.month == date(2026, 4, 1)
        await tx.execute(update(month_flow).where(changed).values(points=month_flow.c.points + 1))
    found = {(drift.rule, drift.subject) for drift in await shop.drift()}
    assert found == {("month_is_its_postings", "2026-04")}


@pytest.mark.both_databases
async def test_a_hold_of_a_merged_member_ends_in_time(shop: Shop) -> None:
    """The hold is of an identity that belongs to another customer since, and nobody has booked its end."""
    ana, bo = customer(), customer()
    await shop.tell(bought(ana, [(1, 5_000)], START), bought(bo, [(1, 3_000)], START))
    await shop.tell(merged(bo, ana, 1, START))
    await shop.hold(bo, 60)
    open_hold = await get(shop, "liability")
    shop.clock.advance(DAY)
    ended = await get(shop, "liability")
    assert [open_hold["total"][name] for name in ("active", "held", "points")] == [20, 60, 80]
    assert [ended["total"][name] for name in ("active", "held", "points")] == [80, 0, 80]


@pytest.mark.both_databases
async def test_what_comes_too_late_is_issued_and_expires_when_it_is_booked(shop: Shop) -> None:
    """A purchase of January whose points live for a month is told in April: the months before do not change."""
    base = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}, "expires_after_months": 1}
    await put_rules(shop, {"rules": [base]})
    shop.clock.advance(45 * DAY)
    await shop.tell(bought(customer(), [(1, 5_000)], START - 40 * DAY))
    body = await get(shop, "roll-forward", **{"from": "2026-02", "to": "2026-04"})
    told = [[month[name] for name in ("issued", "expired", "closing")] for month in body["months"]]
    assert told == [[0, 0, 0], [0, 0, 0], [50, 50, 0]]
