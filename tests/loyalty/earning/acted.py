"""A shop whose members do other things than buying."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from services.loyalty.activities.domain.facts import Activity, ActivityKey, FactValue
from services.loyalty.activities.queries.activities import ActivityRecord
from services.loyalty.earning.usecases.record_activities import record_activities
from services.loyalty.earning.usecases.reverse_activity import reverse_activity
from shared.errors import DomainError
from shared.ids import new_id
from tests.loyalty.shop import START, Shop


def activity(
    member: str,
    kind: str = "check_in",
    at: datetime = START,
    facts: Mapping[str, FactValue] | None = None,
    key: str = "",
) -> Activity:
    """An activity of a member."""
    return Activity(ActivityKey("shop", "app", key or new_id("evt")), member, kind, dict(facts or {}), at)


async def act(shop: Shop, *activities: Activity) -> list[ActivityRecord]:
    """Record activities that are not refused."""
    async with shop.database.begin() as tx:
        outcomes = await record_activities(tx, shop.runtime.context, activities)
    refusals = [outcome for outcome in outcomes if isinstance(outcome, DomainError)]
    if refusals:
        raise refusals[0]
    return [outcome for outcome in outcomes if isinstance(outcome, ActivityRecord)]


async def undo(shop: Shop, record: ActivityRecord) -> None:
    """Reverse an activity."""
    async with shop.database.begin() as tx:
        await reverse_activity(tx, shop.runtime.context, record)
