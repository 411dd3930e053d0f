"""The limit of what one operator may adjust on a day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from services.loyalty.ledger.storage import adjustments
from services.loyalty.settings import Settings
from shared.auth.principal import Role
from shared.context import Context
from shared.db import Read
from shared.local_time import day_start, local_day


async def points_left(
    read: Read, context: Context[Settings], actor: str, roles: Collection[Role], now: datetime
) -> int:
    """Return the points that an operator may still move today alone. What another operator approved does not count."""
    settings = context.settings
    points_max = (
        settings.adjustment_admin_day_max if "admin" in roles else settings.adjustment_manager_day_max
    )
    today = day_start(local_day(now, settings.time_zone), settings.time_zone)
    return points_max - await adjustments.points_by(read, actor, today)
