"""Backtests: a document on the purchases of a period, against the rules that they earned by."""

from __future__ import annotations

import csv
import io
import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.loyalty.earning.usecases import backtest_rulebook
from shared.jobs.working import work_on_all
from tests.conftest import SEED
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.domain.rule_worlds import random_document, random_order
from tests.loyalty.earning.ruled import bought_as, order, put_rules
from tests.loyalty.shop import START, Shop, customer, merged, returned
from tests.parts.sampling import limit

BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
DOUBLE: Json = {**BASE, "rates": {"CNY": 2}}
DAY = timedelta(days=1)
WORLDS = limit(4, 40)

Row = tuple[str, str, str, str, int, int]


async def backtest(
    shop: Shop, document: Json, since: datetime = START - DAY, until: datetime = START + 30 * DAY
) -> tuple[Any, list[Row]]:
    """Return the job and the rows of a backtest, without their differences."""
    return await run(shop, {"document": document, "since": since.isoformat(), "until": until.isoformat()})


async def run(shop: Shop, body: Json) -> tuple[Any, list[Row]]:
    """Return the job and the rows of a backtest that is asked like this."""
    client = shop.operator("analyst")
    begun = await client.post("/v1/backtests", json=body)
    assert begun.status_code == 202, begun.text
    await work_on_all(shop.runtime, {kind.operation: kind for kind in shop.service.job_kinds})
    job = (await client.get(begun.headers["Location"])).json()
    text = (await client.get(job["result"])).content.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert tuple(rows[0]) == backtest_rulebook.COLUMNS
    assert all(int(row[6]) == int(row[5]) - int(row[4]) for row in rows[1:])
    assert all(bool(row[7]) == bool(row[8]) == (row[0] in ("total", "all")) for row in rows[1:])
    assert all(int(row[7]) <= int(row[6]) <= int(row[8]) for row in rows[1:] if row[7])
    return job, [(row[0], row[1], row[2], row[3], int(row[4]), int(row[5])) for row in rows[1:]]


@pytest.mark.both_databases
async def test_it_says_who_gains_and_loses_and_what_each_rule_costs(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtest_rulebook, "WALLETS_A_CHUNK", 1)
    gains, loses, other = customer(), customer(), customer()
    await put_rules(shop, {"rules": [BASE]})
    back = order(gains, [(2, 20_000)])
    await shop.tell(
        order(gains, [(1, 9_000)]),
        back,
        returned(back, [(1, 2, 2)]),
        order(other, [(1, 1_000)], START + 40 * DAY),
    )
    await shop.tell(order(loses, [(1, 90_000)]))
    capped = {
        "rules": [{**DOUBLE, "cap": "life"}],
        "caps": [{"code": "life", "period": "lifetime", "limit": 400}],
    }

    job, rows = await backtest(shop, capped)

    assert sorted(row for row in rows if row[0] in ("rule", "member")) == sorted(
        [
            ("rule", gains, "member", "base", 190, 380),
            ("member", gains, "", "", 190, 380),
            ("rule", loses, "member", "base", 900, 400),
            ("member", loses, "", "", 900, 400),
        ]
    )
    assert rows[-2:] == [("total", "", "member", "base", 1_090, 780), ("all", "", "", "", 1_090, 780)]
    assert job["outcomes"] == {"gains": 1, "loses": 1, "not_bought": 1}
    assert (job["done"], job["total"]) == (3, 3)


async def test_a_rule_is_told_for_the_tier_that_the_member_had(shop: Shop) -> None:
    buyer = customer()
    await put_rules(shop, {"rules": [BASE]})
    await shop.tell(order(buyer, [(1, 100_000)]), order(buyer, [(1, 10_000)], START + DAY))
    silver = {
        "code": "s",
        "kind": "fixed_bonus",
        "points": 7,
        "when": {"op": "eq", "fact": "member.tier", "value": "silver"},
    }

    _, rows = await backtest(shop, {"rules": [BASE, silver]})

    assert [row[2:] for row in rows if row[0] == "total"] == [
        ("member", "base", 1_000, 1_000), ("silver", "base", 100, 100), ("silver", "s", 0, 7),
    ]  # fmt: skip


async def test_merged_members_are_one_and_share_their_caps(shop: Shop) -> None:
    ana, bo = customer(), customer()
    await put_rules(shop, {"rules": [BASE]})
    await shop.tell(order(ana, [(1, 8_000)]), order(bo, [(1, 8_000)]), merged(bo, ana, 1, START))

    job, rows = await backtest(
        shop,
        {"rules": [{**BASE, "cap": "life"}], "caps": [{"code": "life", "period": "lifetime", "limit": 100}]},
    )

    assert [row for row in rows if row[0] == "member"] == [("member", ana, "", "", 160, 100)]
    assert job["outcomes"] == {"loses": 1, "not_bought": 0}


async def test_the_rules_in_force_come_to_what_the_members_have(shop: Shop) -> None:
    """With all purchases in the period, the replay of random rules and returns is the balance."""
    for number in range(WORLDS):
        rng = random.Random(f"backtest {SEED} {number}")
        buyer, document = customer(), random_document(rng, world=number)
        begins = None if number == 0 else START + number * timedelta(days=60)
        await put_rules(shop, document, version=number + 1, begins=begins)
        for at in range(rng.randint(1, 3)):
            drawn = bought_as(buyer, random_order(rng, at, 1))
            moved = drawn.occurred_at + (begins - START if begins else timedelta())
            drawn = drawn.model_copy(update={"occurred_at": moved})
            await shop.tell(drawn)
            for line in drawn.lines:
                if rng.random() < 0.4:
                    await shop.tell(returned(drawn, [(line.line, 1, 1)]))

        since = begins or START
        _, rows = await backtest(shop, document, since - DAY, since + 59 * DAY)

        mine = [row[4:] for row in rows if row[:2] == ("member", buyer)]
        assert mine == [(await shop.active(buyer),) * 2], (number, document)


async def test_a_draft_without_a_period_is_a_shadow_of_the_rules_since_its_last_change(shop: Shop) -> None:
    buyer, draft = customer(), "/v1/rulebook-drafts/spring"
    await put_rules(shop, {"rules": [BASE]})

    async def save(rate: int) -> None:
        rules = [{**BASE, "rates": {"CNY": rate}}]
        saved = await shop.operator("manager").put(draft, json={"document": {"rules": rules}})
        assert saved.status_code == 200, saved.text

    await shop.tell(order(buyer, [(1, 50_000)], START - DAY))
    await save(2)
    shop.clock.advance(2 * DAY)
    bought = order(buyer, [(2, 20_000)], START + DAY)
    await shop.tell(bought)
    active = await shop.active(buyer)
    _, seen = await run(shop, {"draft": "spring"})
    await shop.tell(returned(bought, [(1, 2, 2)]))
    job, seen_later = await run(shop, {"draft": "spring"})
    await save(3)
    shop.clock.advance(DAY)
    _, anew = await run(shop, {"draft": "spring"})

    assert seen[-1] == ("all", "", "", "", 200, 400)
    assert seen_later[-1] == ("all", "", "", "", 100, 200)
    assert (job["parameters"]["since"], job["parameters"]["until"]) == (
        "2026-03-01T09:00:00Z",
        "2026-03-03T09:00:00Z",
    )
    assert anew == [("all", "", "", "", 0, 0)]
    assert active == 700
    assert await shop.active(buyer) == 600


async def test_a_backtest_has_one_document_and_a_period(shop: Shop) -> None:
    period = {"since": START.isoformat(), "until": (START + DAY).isoformat()}
    cases: list[tuple[Json, str]] = [
        (period, "one_document"),
        ({**period, "draft": "a", "document": {"rules": []}}, "one_document"),
        ({**period, "draft": "a", "until": period["since"]}, "period_empty"),
        ({"document": {"rules": []}}, "since_missing"),
        ({"draft": "a", "until": period["until"]}, "since_missing"),
        ({**period, "draft": "a"}, "rulebook_draft_not_found"),
        ({"draft": "a"}, "rulebook_draft_not_found"),
    ]
    for body, expected in cases:
        answer = (await shop.operator().post("/v1/backtests", json=body)).json()
        assert [answer["code"], *(error["code"] for error in answer.get("errors", ()))][-1] == expected
    assert (await shop.operator("agent").post("/v1/backtests", json=period)).status_code == 403
