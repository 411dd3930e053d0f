"""The limits of what one operator may grant."""

from datetime import datetime, timedelta
from typing import Final

from services.feedback.complaints.domain.machine import Actor, ActorKind
from services.feedback.complaints.queries.complaints import merged_into
from services.feedback.remedies.domain import Limit, LimitScope
from services.feedback.remedies.storage import remedies
from services.feedback.settings import Settings
from shared.context import Context
from shared.db import Read
from shared.local_time import local_day

DAY_MAX: Final = timedelta(days=2)
"""No local day is longer, whatever the clocks of its zone do."""


async def limits_of(
    read: Read, context: Context[Settings], complaint_id: str, actor: Actor, now: datetime
) -> list[Limit]:
    """Return the limits of an operator on a complaint, with what was granted there and today by this operator.

    What was granted on complaints that were merged into this one counts as granted on it.
    """
    settings = context.settings
    of_complaint, of_day = settings.remedy_points_of_agent_max
    if actor.kind is ActorKind.MANAGER:
        of_complaint, of_day = settings.remedy_points_of_manager_max
    today = local_day(now, settings.time_zone)
    grants = await remedies.grants_by(read, actor.id, now - DAY_MAX)
    return [
        Limit(
            LimitScope.COMPLAINT,
            of_complaint,
            await remedies.points_on(read, [complaint_id, *await merged_into(read, complaint_id)]),
        ),
        Limit(
            LimitScope.DAY,
            of_day,
            sum(grant.points for grant in grants if local_day(grant.granted_at, settings.time_zone) == today),
        ),
    ]
