"""Faults that were reported against other systems, each as a small input with its right value.

A test names the report. Faults of whole crowds have their storms: twenty gifts at once (fuint 71) in `transfers`, a limit that is
read and then written (Medusa 13760, Saleor 544, Shopware 11245) in `checkout`, `earning` (budgets) and `rewards` (stock), a flaky
network that applies a request twice (Odoo 222372) in `redemptions`. The first order after a cancelled one (Solidus 6343) is a goal,
and an import that stops in the middle (Open Loyalty 129) a job: both have tests of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from services.loyalty.ledger.refusals import InsufficientPoints
from services.loyalty.openings.domain.openings import Opening
from tests.loyalty.checkout.api.test_holds import cart, commit, hold, post, refused
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import put_rules
from tests.loyalty.programme.promised import publish
from tests.loyalty.promotions.promoted import BASE, quoted
from tests.loyalty.rewards import catalogue
from tests.loyalty.shop import START, Shop, bought, customer, registered, returned
from tests.loyalty.transfers.allowed import allow_transfers

BASE_FOR_A_YEAR = BASE | {"expires_after_months": 12}
YEAR = timedelta(days=366)
FREE: Json = {"code": "free", "kind": "percent_off", "percent": 100}
FROM_300: Json = {
    "code": "from_300", "kind": "threshold_off", "steps": [{"reaches": {"CNY": 30_000}, "off": {"CNY": 3_000}}],
}  # fmt: skip
TWO_AND_ONE: Json = {"code": "two_and_one", "kind": "buy_x_get_y", "buy": 2, "get": 1}


def items(*amounts: int) -> list[Json]:
    """Return lines of one unit each at these amounts."""
    return [
        {"sku": f"SKU-{number}", "quantity": 1, "amount_minor": amount}
        for number, amount in enumerate(amounts, 1)
    ]


def nets(quote: Json) -> list[int]:
    return [line["net_minor"] for line in quote["lines"]]


async def member_with(shop: Shop, points: int, at: datetime = START) -> str:
    member = customer()
    await shop.tell(bought(member, [(1, points * 100)], at))
    return member


async def promote(shop: Shop, *promotions: Json) -> None:
    await put_rules(shop, {"rules": [BASE], "promotions": list(promotions)})


# Points


@pytest.mark.both_databases
async def test_a_return_after_the_points_expired_takes_them_once(shop: Shop) -> None:
    """FloCafe 78: debits that are not paired with lots take expired points a second time."""
    await put_rules(shop, {"rules": [BASE_FOR_A_YEAR]})
    member = customer()
    purchase = bought(member, [(2, 10_000)], START)
    await shop.tell(purchase)
    shop.clock.advance(2 * YEAR)
    assert await shop.active(member) == 0

    await shop.tell(returned(purchase, [(1, 1, 2)]))

    assert await shop.active(member) == 0
    await shop.check()


async def test_points_that_were_spent_are_spent_for_every_use(shop: Shop) -> None:
    """ERPNext 59050: points could be spent again and again on another type of document."""
    await allow_transfers(shop)
    member, other = await member_with(shop, 100), customer()
    await shop.tell(registered(other, START))
    await catalogue.put(shop, "mug", price={"points": 1})
    await shop.redeem(member, 60, ("web", "A-1"), [(1, 10_000)])
    await shop.hold(member, 40)

    for use in (
        shop.redeem(member, 1),
        shop.hold(member, 1),
        shop.give(member, other, 1),
        catalogue.claim(shop, member, "mug"),
        shop.adjust(member, -1),
    ):
        with pytest.raises(InsufficientPoints):
            await use

    assert (await shop.active(member), await shop.active(other)) == (0, 0)
    await shop.check()


async def test_points_expire_wherever_they_came_from(shop: Shop) -> None:
    """liberusoftware 1056: what expired was chosen by the label of its entry. Points by hand alone have no end (docs/rules/programme.md)."""
    assert (await publish(shop, None, expiry={"months": 12}, transfers={})).status_code == 201
    await put_rules(shop, {"rules": [BASE_FOR_A_YEAR]})
    member, giver = await member_with(shop, 100), await member_with(shop, 5)
    await shop.adjust(member, 7)
    await shop.bring(Opening("old", "1", member, None, 11, START, None, START + YEAR))
    await shop.give(giver, member, 5)
    before = await shop.active(member)

    shop.clock.advance(2 * YEAR)

    assert (before, await shop.active(member)) == (123, 7)
    await shop.check()


async def test_who_spends_the_points_of_an_order_and_brings_it_back_owes_them(shop: Shop) -> None:
    """Odoo 257854: buy, spend the points, have the money back, keep what the points bought."""
    member = customer()
    purchase = bought(member, [(1, 10_000)], START)
    await shop.tell(purchase)
    await shop.redeem(member, 100)

    await shop.tell(returned(purchase, [(1, 1, 1)]))
    owing = await shop.active(member)
    await shop.tell(bought(member, [(1, 15_000)], START))

    assert (owing, await shop.active(member)) == (-100, 50)


async def test_the_day_of_a_cap_is_as_long_as_the_clock_says(shop: Shop) -> None:
    """Voucherify, December 2025: periods of 24 hours cut the day on which the clocks go back into two."""
    assert (await publish(shop, None, zone="Europe/Berlin")).status_code == 201
    daily = {"code": "daily", "period": "day", "limit": 100}
    await put_rules(shop, {"rules": [BASE | {"cap": "daily"}], "caps": [daily]})
    member = customer()
    shop.clock.set(datetime.fromisoformat("2026-10-26T12:00:00+01:00"))

    for at in ("2026-10-25T00:10:00+02:00", "2026-10-25T23:50:00+01:00", "2026-10-26T00:10:00+01:00"):
        await shop.tell(bought(member, [(1, 10_000)], datetime.fromisoformat(at)))

    assert await shop.active(member) == 200
    await shop.check()


# Discounts


@pytest.mark.parametrize("amounts", [(333, 333, 334), (1,), (0, 1, 9_999), (3_333, 3_333, 3_333)])
async def test_all_of_it_off_leaves_nothing(shop: Shop, amounts: Sequence[int]) -> None:
    """WooCommerce 22472, 7837, 16305 and Odoo 271032: 100 % off left 0.01 to pay."""
    await promote(shop, FREE)
    quote = await quoted(shop, {"lines": items(*amounts)})
    assert (quote["payable_minor"], set(nets(quote))) == (0, {0})


async def test_a_discount_takes_no_more_than_there_is(shop: Shop) -> None:
    """pfpayments 19 and Medusa 8829: a discount above the cart, or a free unit of a free thing, went below zero."""
    off = {"code": "off", "kind": "amount_off", "amounts": {"CNY": 5_000}}
    await promote(shop, off, TWO_AND_ONE)
    quote = await quoted(shop, {"lines": items(0, 0, 1_999)})
    assert (quote["payable_minor"], nets(quote)) == (0, [0, 0, 0])


async def test_an_amount_is_no_percentage(shop: Shop) -> None:
    """Medusa 14934: 10.00 off was taken for 10 %."""
    await promote(shop, {"code": "off", "kind": "amount_off", "amounts": {"CNY": 1_000}})
    assert (await quoted(shop, {"lines": items(40_000)}))["payable_minor"] == 39_000


@pytest.mark.parametrize(("quantity", "paid"), [(2, 2), (3, 2), (5, 4), (6, 4), (7, 5), (9, 6)])
async def test_of_every_three_one_is_free(shop: Shop, quantity: int, paid: int) -> None:
    """Medusa 14432 and 13265: buy 2, get 1 was given once for any quantity, or for units that were counted as bought too."""
    await promote(shop, TWO_AND_ONE)
    cups = {"sku": "CUP", "quantity": quantity, "amount_minor": quantity * 1_000}
    assert (await quoted(shop, {"lines": [cups]}))["payable_minor"] == paid * 1_000


async def test_the_order_of_the_lines_moves_no_cent(shop: Shop) -> None:
    """Medusa 16397: of the six orders of three lines two had the discount."""
    await promote(shop, FROM_300, {"code": "third", "kind": "percent_off", "percent": 33})
    lines = [
        {"sku": sku, "quantity": 1, "amount_minor": amount}
        for sku, amount in (("A", 9_999), ("B", 10_001), ("C", 10_000))
    ]
    seen = set()
    for order in permutations(lines):
        quote = await quoted(shop, {"lines": order})
        seen.add(tuple(sorted((line["sku"], line["net_minor"]) for line in quote["lines"])))
    assert len(seen) == 1


async def test_a_cart_of_nobody_has_a_price(shop: Shop) -> None:
    """Medusa 15823: a rule about the customer failed for a cart that has none."""
    gold = {"op": "eq", "fact": "member.tier", "value": "gold"}
    await promote(shop, FREE | {"when": gold})
    quote = await quoted(shop, {"lines": items(1_000)})
    assert quote["payable_minor"] == 1_000


# Orders that change


async def test_units_that_go_back_are_worth_what_they_cost(shop: Shop) -> None:
    """Solidus 512, Odoo 286433, sonata 177, Dynamics 4215: the list price or the whole discount was refunded, or the free unit kept."""
    await promote(shop, TWO_AND_ONE)
    member = await member_with(shop, 100)
    cups = {"sku": "CUP", "quantity": 3, "amount_minor": 3_000}
    held = await hold(shop, member, lines=[cups], points=90)
    kept = await commit(shop, held, "A-2", lines=[{"line": 1, "quantity": 2}])
    assert kept.status_code == 200, kept.text

    order = (await shop.operator().get(f"/v1/holds/{held['id']}")).json()["order"]

    (line,) = order["lines"]
    assert (line["quantity"], line["gross_minor"], line["net_minor"]) == (2, 2_000, 1_333)


async def test_a_part_of_an_order_keeps_its_part_of_the_discount(shop: Shop) -> None:
    """Vendure 3885: the condition was looked at again, so taking a line out made the others dearer."""
    await promote(shop, FROM_300)
    member = await member_with(shop, 100)
    held = await hold(shop, member, lines=items(15_000, 15_000), points=90)

    await commit(shop, held, lines=[{"line": 1, "quantity": 1}])

    order = (await shop.operator().get(f"/v1/holds/{held['id']}")).json()["order"]
    assert [line["net_minor"] for line in order["lines"]] == [13_500]


# Holds


async def test_a_shopper_is_not_blocked_by_their_own_hold(shop: Shop) -> None:
    """WooCommerce 67354: who went back to the cart was told that all was reserved, by themselves."""
    member = await member_with(shop, 100)
    first = await hold(shop, member, points=100)
    blocked = await post(shop.operator(), "/v1/holds", cart(member, points=100))
    second = await hold(shop, member, points=100, replaces=first["id"])

    assert refused(blocked) == (409, "insufficient_points")
    assert (second["state"], second["replaces"]) == ("open", first["id"])
    await shop.check()


async def test_a_hold_that_is_over_sells_nothing(shop: Shop) -> None:
    """Magento MultiSafepay 28: what was reserved was sold again without a word when the payment came late."""
    member = await member_with(shop, 100)
    held = await hold(shop, member, points=100, ttl_seconds=60)
    shop.clock.advance(timedelta(seconds=60))
    await shop.redeem(member, 100)

    late = await commit(shop, held)

    assert (refused(late), await shop.active(member)) == ((409, "hold_expired"), 0)
    await shop.check()


async def test_a_hold_lasts_as_long_as_the_payment(shop: Shop) -> None:
    """Saleor 15246: the reservation ended while the customer was paying."""
    member = await member_with(shop, 100)
    held = await hold(shop, member, points=100, ttl_seconds=60)
    shop.clock.advance(timedelta(seconds=50))
    longer = await post(shop.operator(), f"/v1/holds/{held['id']}/extend", {"ttl_seconds": 60})
    shop.clock.advance(timedelta(seconds=50))

    assert longer.status_code == 200, longer.text
    assert (await commit(shop, held)).json()["state"] == "committed"
