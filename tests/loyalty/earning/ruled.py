"""A shop whose rules a test writes as a document."""

from __future__ import annotations

import json
from datetime import datetime

from services.loyalty.earning.domain import checks
from services.loyalty.earning.domain.document import RulebookDocument
from services.loyalty.earning.domain.rulebook import Rulebook
from services.loyalty.earning.storage import rulebooks
from services.loyalty.ledger.steps.programme import open_programme
from shared.events.profile import PurchaseRecorded
from tests.loyalty.earning.domain.rule_oracle import Json, Order
from tests.loyalty.shop import START, Lines, Shop, bought


async def put_rules(shop: Shop, document: Json, *, version: int = 1, begins: datetime | None = None) -> None:
    """Store a rulebook that nothing contradicts."""
    parsed = RulebookDocument.model_validate_json(json.dumps({"groups": [], "caps": [], **document}))
    assert checks.faults(parsed) == []
    async with shop.database.begin() as tx:
        await open_programme(tx, shop.runtime.context)
        await rulebooks.add(tx, Rulebook(version, begins, parsed))


def order(
    identity_id: str,
    lines: Lines,
    at: datetime = START,
    *,
    channel: str | None = None,
    categories: dict[int, str] | None = None,
) -> PurchaseRecorded:
    """Return an order whose lines (by number) may have a category."""
    made = bought(identity_id, lines, at)
    named = tuple(
        line.model_copy(update={"category": (categories or {}).get(line.line)}) for line in made.lines
    )
    return made.model_copy(update={"channel": channel, "lines": named})


def bought_as(buyer: str, drawn: Order) -> PurchaseRecorded:
    """Return a drawn order as the purchase of a customer."""
    made = order(
        buyer, [(quantity, amount) for quantity, amount, *_ in drawn.lines], drawn.at, channel=drawn.channel
    )
    lines = tuple(
        line.model_copy(update={"sku": sku, "category": category})
        for line, (_, _, sku, category) in zip(made.lines, drawn.lines, strict=True)
    )
    return made.model_copy(update={"currency": drawn.currency, "lines": lines})
