"""The limits of what one operator may grant."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from services.feedback.complaints.domain.machine import Actor, ActorKind
from services.feedback.complaints.queries.admission import MANAGERS
from services.feedback.complaints.queries.complaints import merged_into
from services.feedback.remedies.domain import GRANT_REMEDY, Limit, LimitScope
from services.feedback.remedies.storage import remedies
from services.feedback.settings import Settings
from shared.approvals import Above, OperatorLimit
from shared.auth.principal import Role
from shared.context import Context
from shared.db import Read
from shared.limits import REMEDY_POINTS_MAX
from shared.local_time import day_start, local_day

DECIDERS: Final[Mapping[str, frozenset[Role]]] = {GRANT_REMEDY: MANAGERS}
"""The roles that decide about a remedy above an agent's limits, by the id of its operation."""
DAY_MAX: Final = timedelta(days=2)
"""No local day is longer, whatever the clocks of its zone do."""


async def operator_limits(
    read: Read, context: Context[Settings], actor: Actor, now: datetime
) -> list[OperatorLimit]:
    """Return the limits of an operator on any complaint, with what this operator granted today."""
    zone = context.settings.time_zone
    of_complaint, of_day = _limits_of(context.settings, actor.kind)
    above: Above = "refusal" if actor.kind is ActorKind.MANAGER else "proposal"
    return [
        OperatorLimit(GRANT_REMEDY, "request", REMEDY_POINTS_MAX, "refusal"),
        OperatorLimit(GRANT_REMEDY, "object", of_complaint, above),
        OperatorLimit(
            GRANT_REMEDY,
            "day",
            of_day,
            above,
            points_used=await _granted_today(read, actor.id, now, zone),
            resets_at=day_start(local_day(now, zone) + timedelta(days=1), zone),
        ),
    ]


async def limits_of(
    read: Read,
    context: Context[Settings],
    complaint_id: str,
    role: ActorKind,
    operator_id: str | None,
    now: datetime,
) -> list[Limit]:
    """Return the limits of an operator on a complaint, with what was granted there and today by this operator.

    What was granted on complaints that were merged into this one counts as granted on it. If no operator is named, nothing
    was granted today: every operator of the role begins a day so.
    """
    of_complaint, of_day = _limits_of(context.settings, role)
    granted_today = (
        await _granted_today(read, operator_id, now, context.settings.time_zone) if operator_id else 0
    )
    return [
        Limit(
            LimitScope.OBJECT,
            of_complaint,
            await remedies.points_on(read, [complaint_id, *await merged_into(read, complaint_id)]),
        ),
        Limit(
            LimitScope.DAY,
            of_day,
            granted_today,
        ),
    ]


def _limits_of(settings: Settings, role: ActorKind) -> tuple[int, int]:
    """Return the points that an operator may grant on a complaint, and on a day."""
    if role is ActorKind.MANAGER:
        return settings.remedy_points_of_manager_max
    return settings.remedy_points_of_agent_max


async def _granted_today(read: Read, operator_id: str, now: datetime, zone: ZoneInfo) -> int:
    grants = await remedies.grants_by(read, operator_id, now - DAY_MAX)
    today = local_day(now, zone)
    return sum(grant.points for grant in grants if local_day(grant.granted_at, zone) == today)
