"""Many claims at once on one stock, one wallet or one key give exactly what fits (I2, I3, I8)."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from services.loyalty.earning.queries.stocks import stocks_of
from services.loyalty.ledger.refusals import InsufficientPoints, KeyUsedBefore
from services.loyalty.rewards.refusals import ClaimFulfilled, RewardLimitReached, RewardSoldOut
from shared.errors import DomainError
from tests.loyalty.redemptions.usecases.test_storms import Crowd
from tests.loyalty.rewards import catalogue
from tests.loyalty.rewards.catalogue import put
from tests.loyalty.shop import START, Shop, bought, customer
from tests.parts.sampling import limit

pytestmark = pytest.mark.both_databases
PARALLEL = limit(40, 300)


async def members(shop: Shop, number: int, points: int = 100) -> list[str]:
    found = [customer() for _ in range(number)]
    await shop.tell(*(bought(member, [(1, points * 100)], START) for member in found))
    return found


async def claims(shop: Shop, asked: list[tuple[str, str]], *, key: bytes | None = None) -> Counter[str]:
    """Claim all of these at once, and count the answers."""
    crowd = Crowd(shop)

    async def claim(who: str, code: str) -> str:
        try:
            await crowd.patiently(lambda: catalogue.claim(shop, who, code, key=key))
        except DomainError as refusal:
            return refusal.code
        return "claimed"

    return Counter(await asyncio.gather(*(claim(who, code) for who, code in asked)))


async def used(shop: Shop, code: str) -> int:
    async with shop.database.read() as read:
        return (await stocks_of(read, [code]))[code].used


async def test_members_take_exactly_what_is_in_stock(shop: Shop) -> None:
    pieces = PARALLEL * 2 // 3
    await put(shop, "mug", stock=pieces)

    answers = await claims(shop, [(member, "mug") for member in await members(shop, PARALLEL)])

    assert answers == {"claimed": pieces, RewardSoldOut.code: PARALLEL - pieces}
    assert await used(shop, "mug") == pieces
    assert len(await shop.told("loyalty.reward_claimed.v1")) == pieces
    await shop.check()


async def test_one_member_claims_as_far_as_the_points_and_the_limit_go(shop: Shop) -> None:
    (member,) = await members(shop, 1)
    await put(shop, "mug", price={"points": 15})
    await put(shop, "seat", price={"points": 1}, limit={"claims": 3, "period": "month"}, stock=50)

    answers = await claims(shop, [(member, code) for _ in range(PARALLEL // 2) for code in ("mug", "seat")])

    assert await used(shop, "seat") == 3
    assert await used(shop, "mug") == 6
    refusals = {InsufficientPoints.code: PARALLEL // 2 - 6, RewardLimitReached.code: PARALLEL // 2 - 3}
    assert answers == {"claimed": 9, **refusals}
    assert await shop.active(member) == 100 - 6 * 15 - 3
    await shop.check()


async def test_a_key_claims_once(shop: Shop) -> None:
    (member,) = await members(shop, 1)
    await put(shop, "mug", stock=5)

    answers = await claims(shop, [(member, "mug")] * 10, key=b"k" * 16)

    assert answers == {"claimed": 1, KeyUsedBefore.code: 9}
    assert (await used(shop, "mug"), await shop.active(member)) == (1, 70)


async def test_a_claim_is_undone_once_while_others_wait_for_its_piece(shop: Shop) -> None:
    """A piece is claimed, given up twice at once, fulfilled at the same time, and wanted by others. It is never two members'."""
    first, *others = await members(shop, 7)
    await put(shop, "seat", stock=1)
    crowd, row_id = Crowd(shop), await catalogue.claim(shop, first, "seat")

    async def end(verb: str) -> str:
        act = catalogue.fulfil if verb == "fulfil" else catalogue.cancel
        try:
            await crowd.patiently(lambda: act(shop, row_id))
        except DomainError as refusal:
            return refusal.code
        return verb

    wanted = asyncio.ensure_future(claims(shop, [(who, "seat") for who in others]))
    ends = await asyncio.gather(*(end(verb) for verb in ("cancel", "cancel", "fulfil")))
    answers = await wanted

    is_kept = ends.count("cancel") == 0
    assert ends.count(ClaimFulfilled.code) == (2 if is_kept else 0)
    assert answers["claimed"] <= (0 if is_kept else 1)
    assert await used(shop, "seat") == is_kept + answers["claimed"]
    assert await shop.active(first) == (70 if is_kept else 100)
    await shop.check()
