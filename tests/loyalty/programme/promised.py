"""Documents of the programme, and requests about them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic_core import from_json

from services.loyalty.ledger.domain.programme import canonical, default_document
from tests.loyalty.shop import START, Shop

HOUR = timedelta(hours=1)
VERSIONS = "/v1/programme/versions"
DRAFT = "/v1/programme/draft"
Json = dict[str, Any]


def document(**changes: Any) -> Json:
    """Return the document of a new installation with other fields. None takes a field away."""
    first = from_json(canonical(default_document("CNY", "UTC")))
    return {name: value for name, value in (first | changes).items() if value is not None}


def tiers(*thresholds: int, codes: tuple[str, ...] = ("member", "silver", "gold", "jade")) -> list[Json]:
    """Return tiers that begin at these spends."""
    return [
        {"code": code, "name_en": code.title(), "name_zh": "等级", "from_spend": threshold}
        for code, threshold in zip(codes, thresholds, strict=False)
    ]


async def publish(shop: Shop, begins: datetime | None = START + HOUR, **changes: Any) -> Any:
    body = {
        "in_force_from": None if begins is None else begins.isoformat(),
        "document": document(**changes),
    }
    return await shop.operator().post(VERSIONS, json=body, headers=shop.key())


async def promised(shop: Shop) -> Json:
    """The programme as operators read it."""
    answer: Json = (await shop.operator().get("/v1/programme")).json()
    return answer


async def member(shop: Shop, customer_id: str, **query: str) -> Json:
    answer: Json = (await shop.operator().get(f"/v1/members/{customer_id}", params=query)).json()
    return answer
