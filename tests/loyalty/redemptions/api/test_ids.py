"""Ids of loyalty tell nobody how many rows there are."""

import base64
import re

import pytest

from services.loyalty.ledger.storage.tables import adjustment
from services.loyalty.redemptions.storage.tables import redemption
from tests.loyalty.shop import START, Shop, bought, customer

OPAQUE = re.compile(r"(?:red|adj|lot|txn_[a-z]+)_[0-7][0-9a-z]{25}")


@pytest.mark.parametrize("path", ["redemptions", "adjustments", "ledger", "lots"])
async def test_no_id_and_no_cursor_shows_a_number(shop: Shop, path: str) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    for _ in range(2):
        await shop.redeem(member, 5)
        await shop.adjust(member, 3)
    rows = [row.id for table in (redemption, adjustment) for row in await shop.rows(table)]
    async with shop.operator() as operator:
        answer = await operator.get(
            f"/v1/members/{member}/{path}", params={"limit": 1, **STATE.get(path, {})}
        )
    page = answer.json()
    (item,) = page["items"]
    assert OPAQUE.fullmatch(item["id"])
    assert all(OPAQUE.fullmatch(posting["lot_id"]) for posting in item.get("postings", ()))
    cursor = page["next_cursor"]
    readable = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert not [row_id for row_id in rows if str(row_id).encode() in readable]


async def test_a_row_is_found_by_its_name_and_not_by_its_number(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    await shop.redeem(member, 5)
    await shop.adjust(member, 3)
    (redeemed,), (adjusted,) = await shop.rows(redemption), await shop.rows(adjustment)
    async with shop.operator() as operator:
        for kind, prefix, row in (("redemptions", "red", redeemed), ("adjustments", "adj", adjusted)):
            name = shop.vault.numbers.name(prefix, row.id)
            found = await operator.get(f"/v1/members/{member}/{kind}/{name}")
            missing = await operator.get(f"/v1/members/{member}/{kind}/{prefix}_{row.id}")
            assert (found.status_code, found.json()["id"], missing.status_code) == (200, name, 404)


STATE = {"lots": {"state": "all"}}
