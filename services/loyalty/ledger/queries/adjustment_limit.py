"""The limit of what one operator may adjust on a day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from services.loyalty.ledger.storage import adjustments
from services.loyalty.settings import Settings
from shared.approvals import OperatorLimit
from shared.auth.principal import Role
from shared.context import Context
from shared.db import Read
from shared.local_time import day_start, local_day

ADJUST_POINTS = "adjust_points"
"""The operationId of an adjustment, by which its requests add up and another operator approves it."""


async def day_limit(
    read: Read, context: Context[Settings], actor: str, roles: Collection[Role], now: datetime
) -> OperatorLimit:
    """Return the points that an operator may move today alone. What another operator approved does not count."""
    settings = context.settings
    points_max = (
        settings.adjustment_admin_day_max if "admin" in roles else settings.adjustment_manager_day_max
    )
    today = local_day(now, settings.time_zone)
    return OperatorLimit(
        ADJUST_POINTS,
        "day",
        points_max,
        "approval",
        points_used=await adjustments.points_by(read, actor, day_start(today, settings.time_zone)),
        resets_at=day_start(today + timedelta(days=1), settings.time_zone),
    )
