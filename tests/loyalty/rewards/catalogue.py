"""A catalogue of rewards for tests, and claims of them without HTTP."""

from __future__ import annotations

import json
from typing import Any

from services.loyalty.rewards.domain.document import RewardDocument
from services.loyalty.rewards.domain.states import ClaimEnd
from services.loyalty.rewards.usecases.claim_reward import ClaimAsked, claim_reward
from services.loyalty.rewards.usecases.fulfil_claim import fulfil_claim
from services.loyalty.rewards.usecases.save_reward import save_reward
from services.loyalty.rewards.usecases.undo_claim import UndoAsked, undo_claim
from shared.preconditions import UNCONDITIONAL
from tests.loyalty.shop import TILL, Shop

MUG: dict[str, Any] = {
    "name_en": "Tea mug",
    "name_zh": "茶杯",
    "item": {"kind": "gift", "sku": "MUG-1"},
    "price": {"points": 30},
}


def document(**fields: Any) -> RewardDocument:
    """The document of a mug with other fields."""
    return RewardDocument.model_validate_json(json.dumps(MUG | fields))


async def put(shop: Shop, code: str, **fields: Any) -> None:
    """Save a reward."""
    async with shop.database.begin() as tx:
        await save_reward(tx, shop.runtime.context, code, document(**fields), "operator:test", UNCONDITIONAL)


async def claim(shop: Shop, who: str, code: str, *, key: bytes | None = None) -> int:
    asked = ClaimAsked(TILL, key or shop.cause(), who, code)
    async with shop.database.begin() as tx:
        return await claim_reward(tx, shop.runtime.context, asked)


async def fulfil(shop: Shop, row_id: int) -> None:
    async with shop.database.begin() as tx:
        await fulfil_claim(tx, shop.runtime.context, TILL, row_id)


async def cancel(shop: Shop, row_id: int) -> None:
    async with shop.database.begin() as tx:
        await undo_claim(tx, shop.runtime.context, UndoAsked(TILL, row_id, ClaimEnd.CANCELLED))


async def give_back(shop: Shop, row_id: int, *, restocks: bool | None = None) -> None:
    asked = UndoAsked(TILL, row_id, ClaimEnd.RETURNED, restocks)
    async with shop.database.begin() as tx:
        await undo_claim(tx, shop.runtime.context, asked)
