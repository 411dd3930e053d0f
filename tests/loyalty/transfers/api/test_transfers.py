"""Giving points over HTTP: who may, what the limits are, what both members see, and what a return or a merge does afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from services.loyalty.ledger.queries.find_member_at import find_member_at
from services.loyalty.ledger.storage.tables import lot
from services.loyalty.transfers.refusals import TransferLimitReached, TransferToSelf
from services.loyalty.transfers.storage.tables import transfer
from shared.events.loyalty import PointsGiven, PointsReceived
from tests.loyalty.shop import START, Shop, bought, customer, erased, merged, registered, returned
from tests.loyalty.statements.api.test_exports import exported
from tests.loyalty.transfers.allowed import allow_transfers


async def ask(shop: Shop, client: httpx2.AsyncClient, sender: str, to: str, points: int) -> httpx2.Response:
    path = f"/v1/members/{sender}/transfers"
    return await client.post(path, json={"to": to, "points": points}, headers=shop.key())


async def ledger(shop: Shop, member: str) -> list[dict[str, Any]]:
    listed = await shop.operator("viewer").get(f"/v1/members/{member}/ledger")
    return list(listed.json()["items"])


@pytest.mark.both_databases
async def test_points_move_with_their_dates_and_both_ledgers_say_so(shop: Shop) -> None:
    await allow_transfers(shop)
    ana, bo = customer(), customer()
    await shop.tell(bought(ana, [(1, 3_000)], START), registered(bo, START))
    await shop.adjust(ana, 50)
    shop.clock.advance(timedelta(days=1))
    answer = await ask(shop, shop.customer(ana), "me", bo, 40)
    assert answer.status_code == 201, answer.text
    assert answer.json() | {"id": "", "occurred_at": ""} == {
        "id": "",
        "customer_id": ana,
        "given": 40,
        "occurred_at": "",
        "points": {"active": 40, "pending": 0, "held": 0},
    }
    assert (await shop.active(ana), await shop.active(bo)) == (40, 40)
    location, name = answer.headers["location"], answer.json()["id"]
    assert (await shop.customer(ana).get(location)).json()["given"] == 40
    seen = (await shop.customer(bo).get(f"/v1/members/me/transfers/{name}")).json()
    assert (seen["given"], seen["received"]) == (0, 40)
    unknown = await shop.customer(bo).get("/v1/members/me/transfers/trf_1")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "transfer_not_found")
    stored = {row.id: row for row in await shop.rows(lot)}
    gifts = [row for row in stored.values() if row.rule == "transfer"]
    assert [row.issued for row in gifts] == [30, 10]
    for gift in gifts:
        origin = stored[gift.origin_lot_id]
        assert (gift.earned_at, gift.expires_at) == (origin.earned_at, origin.expires_at)

    (given, *_), (received,) = await ledger(shop, ana), await ledger(shop, bo)
    assert (given["kind"], given["change"], given["points"]) == ("transfer", -40, 40)
    assert (received["kind"], received["change"], received["points"]) == ("transfer", 40, 40)
    told = [*await shop.events_of(PointsGiven), *await shop.events_of(PointsReceived)]
    assert [(event.identity_id, event.points, event.cause.kind) for event in told] == [
        (ana, 40, "transfer"),
        (bo, 40, "transfer"),
    ]
    liability = (await shop.operator("analyst").get("/v1/finance/liability")).json()
    assert liability["net_points"] == 80
    async with shop.database.begin() as tx:
        was = await find_member_at(tx, ana, shop.clock.now() - timedelta(hours=1))
        assert was.member.balance().active == 80
        assert (await find_member_at(tx, bo, shop.clock.now())).member.balance().active == 40
    rows = [line for line in await exported(shop, bo) if line["kind"] == "transfer"]
    assert {(line["customer_id"], line["to_customer_id"]) for line in rows} == {(ana, bo)}
    await shop.check()
    assert list(await shop.untold()) == []


async def test_a_gift_that_is_sent_again_is_given_once(shop: Shop) -> None:
    await allow_transfers(shop)
    ana, bo = customer(), customer()
    await shop.tell(bought(ana, [(1, 3_000)], START), registered(bo, START))
    path, body, key = f"/v1/members/{ana}/transfers", {"to": bo, "points": 10}, shop.key()
    answers = [await shop.operator("agent").post(path, json=body, headers=key) for _ in range(3)]
    assert {(answer.status_code, answer.json()["id"]) for answer in answers} == {
        (201, answers[0].json()["id"])
    }
    assert (await shop.active(bo), await shop.count(transfer)) == (10, 1)


async def test_what_may_not_be_given_is_refused_with_a_reason(shop: Shop) -> None:
    ana, bo, gone = customer(), customer(), customer()
    bo_known = registered(bo, START)
    await shop.tell(
        bought(ana, [(1, 100_000)], START),
        bo_known.model_copy(update={"references": (shop.vault.reference("shop", "C-2"),)}),
        registered(gone, START),
        erased(gone, START),
    )
    operator, own = shop.operator("agent"), shop.customer(ana)
    refused = await ask(shop, own, "me", bo, 10)
    assert (refused.status_code, refused.json()["code"]) == (409, "transfers_not_allowed")
    await allow_transfers(shop, points_min=5, points_max=300, day_points_max=400)
    cases = [
        (await ask(shop, own, "me", bo, 4), 409, "transfer_too_small"),
        (await ask(shop, own, "me", bo, 301), 409, "transfer_too_large"),
        (await ask(shop, own, "me", ana, 10), 409, "transfer_to_self"),
        (await ask(shop, own, "me", "me", 10), 409, "transfer_to_self"),
        (await ask(shop, own, "me", customer(), 10), 404, "receiver_not_found"),
        (await ask(shop, own, "me", gone, 10), 404, "receiver_not_found"),
        (await ask(shop, operator, ana, "ext:nobody", 10), 404, "receiver_not_found"),
        (await ask(shop, operator, customer(), bo, 10), 404, "member_not_found"),
        (await ask(shop, operator, bo, ana, 10), 409, "insufficient_points"),
        (await ask(shop, own, bo, ana, 10), 404, "member_not_found"),
        (await ask(shop, shop.operator("viewer"), ana, bo, 10), 403, "forbidden"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer, *_ in cases] == [
        (status, code) for _, status, code in cases
    ]
    assert (await ask(shop, operator, ana, "ext:C-2", 300)).status_code == 201
    over = (await ask(shop, own, "me", bo, 101)).json()
    assert (over["code"], "100" in over["detail"]) == ("transfer_limit_reached", True)
    assert (await shop.active(ana), await shop.active(bo)) == (700, 300)


async def test_limits_are_of_calendar_days_and_months_of_the_programme(shop: Shop) -> None:
    await allow_transfers(shop, zone="Asia/Shanghai", day_points_max=50, month_points_max=80)
    ana, bo = customer(), customer()
    await shop.tell(bought(ana, [(1, 100_000)], START), registered(bo, START))
    await shop.give(ana, bo, 50)
    shop.clock.advance(timedelta(hours=6, minutes=59))  # 23:59 in Shanghai
    with pytest.raises(TransferLimitReached):
        await shop.give(ana, bo, 1)
    shop.clock.advance(timedelta(minutes=1))
    await shop.give(ana, bo, 30)
    shop.clock.advance(timedelta(days=1))
    with pytest.raises(TransferLimitReached):
        await shop.give(ana, bo, 1)
    shop.clock.advance(timedelta(days=29))  # 1 April in Shanghai
    await shop.give(ana, bo, 1)


@pytest.mark.both_databases
async def test_a_return_takes_from_the_member_who_earned(shop: Shop) -> None:
    """The debt stays with the one who earned: the receiver keeps the gift, and a gift pays the receiver's own debts first."""
    await allow_transfers(shop)
    ana, bo = customer(), customer()
    purchase, other = bought(ana, [(2, 10_000)], START), bought(bo, [(1, 4_000)], START)
    await shop.tell(purchase, other)
    await shop.give(ana, bo, 100)
    await shop.tell(returned(purchase, [(1, 1, 1)]))
    assert (await shop.active(ana), await shop.active(bo)) == (-50, 140)
    await shop.redeem(bo, 140)
    await shop.tell(returned(other, [(1, 1, 1)]))
    assert await shop.active(bo) == -40
    await shop.adjust(ana, 60)
    await shop.give(ana, bo, 10)
    assert (await shop.active(ana), await shop.active(bo)) == (0, -30)
    await shop.tell(returned(purchase, [(1, 2, 2)]))
    assert (await shop.active(ana), await shop.active(bo)) == (-50, -30)
    await shop.check()


@pytest.mark.both_databases
async def test_a_merge_of_both_and_its_end_leave_the_gift_where_it_is(shop: Shop) -> None:
    await allow_transfers(shop, day_points_max=60)
    ana, bo, cy = customer(), customer(), customer()
    purchase = bought(ana, [(1, 10_000)], START)
    await shop.tell(purchase, bought(bo, [(1, 1_000)], START), registered(cy, START))
    await shop.give(ana, bo, 40)
    await shop.tell(merged(bo, ana, 1, START))
    assert await shop.active(ana) == 110
    with pytest.raises(TransferToSelf):
        await shop.give(ana, bo, 5)
    with pytest.raises(TransferLimitReached):  # what either of them gave counts for both
        await shop.give(bo, cy, 21)
    await shop.give(bo, cy, 20)
    await shop.tell(returned(purchase, [(1, 1, 1)]))
    assert (await shop.active(ana), await shop.active(cy)) == (-10, 20)
    await shop.tell(merged(bo, bo, 2, START))
    parts = await shop.active(ana), await shop.active(bo)
    assert sum(parts) == -10
    await shop.check()


async def test_verify_finds_a_transfer_that_was_changed(shop: Shop) -> None:
    await allow_transfers(shop)
    ana, bo = customer(), customer()
    await shop.tell(bought(ana, [(1, 3_000)], START), registered(bo, START))
    await shop.give(ana, bo, 10)
    async with shop.database.begin() as tx:
        await tx.run(text("DROP TRIGGER transfer_append_only_update"))
        await tx.run(text("UPDATE transfer SET points = 11"))
    assert [drift.rule for drift in await shop.drift()] == ["transfer_is_its_postings"]
