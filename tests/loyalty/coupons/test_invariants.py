"""`huitou verify` finds a row of coupons that was changed behind the service's back, and the database refuses to change a fact."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from services.loyalty.coupons.storage.tables import coupon_batch, coupon_claim, coupon_code, coupon_version
from services.loyalty.earning.storage.tables import quota
from tests.loyalty.checkout.api.test_holds import commit
from tests.loyalty.coupons.couponed import SPRING, WELCOME, cart, hold, made, open_coupons, save
from tests.loyalty.rewards.test_invariants import change, rules
from tests.loyalty.shop import START, Shop


@pytest.fixture
async def used(shop: Shop) -> None:
    """A code that was used, and one that is held."""
    member = await open_coupons(shop)
    await save(shop, "spring", SPRING)
    await save(shop, "welcome", WELCOME)
    (code,) = await made(shop, "welcome", 1)
    await commit(shop, await hold(shop, cart(member, "spring10")))
    await hold(shop, cart(member, code))
    await shop.check()


@pytest.mark.usefixtures("used")
async def test_a_changed_code_quota_or_claim_is_found(shop: Shop) -> None:
    for table, changed, rule in (
        (coupon_code, {"held": coupon_code.c.held + 1}, "code_is_its_claims"),
        (quota, {"used": quota.c.used + 1}, "uses_are_claims"),
    ):
        if table is coupon_code:
            await change(shop, "coupon_code", update(coupon_code).values(ceiling=9))
        async with shop.database.begin() as tx:
            await tx.execute(update(table).values(**changed))
        assert await rules(shop) == {rule}
        async with shop.database.begin() as tx:
            await tx.execute(update(table).values(**{name: table.c[name] - 1 for name in changed}))
    await shop.check()
    committed = update(coupon_claim).where(coupon_claim.c.state == "held")
    await change(shop, "coupon_claim", committed.values(state="released", ended_at=START))
    assert await rules(shop) == {"code_is_its_claims", "uses_are_claims"}
    await change(shop, "coupon_claim", delete(coupon_claim))
    assert await rules(shop) == {"code_is_its_claims", "uses_are_claims"}


@pytest.mark.both_databases
@pytest.mark.usefixtures("used")
async def test_what_was_promised_and_done_is_frozen(shop: Shop) -> None:
    for statement in (
        update(coupon_version).values(document="{}"),
        delete(coupon_version),
        update(coupon_batch).values(size=2),
        delete(coupon_batch),
        update(coupon_code).values(look_up=b"x"),
        update(coupon_code).values(used=2, ceiling=1),
        delete(coupon_code),
        update(coupon_claim).values(wallet_id=coupon_claim.c.wallet_id + 1),
        update(coupon_claim).values(order_token=b"x", committed_at=START),
        delete(coupon_claim),
    ):
        with pytest.raises(DBAPIError):
            async with shop.database.begin() as tx:
                await tx.execute(statement)
    await shop.check()
