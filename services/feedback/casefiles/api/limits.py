"""The points that the reader of a case file may still grant."""

from pydantic import Field

from services.feedback.complaints.queries.admission import WRITERS, actor_of
from services.feedback.remedies.domain import LimitScope
from services.feedback.remedies.queries.limits import limits_of
from services.feedback.settings import Settings
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Read
from shared.http.models import Response


class RemedyLimitOut(Response):
    """The points that you may grant, on this complaint or in one day on all complaints."""

    scope: LimitScope
    points_max: int
    points_granted: int = Field(description="Granted and not refused, on the complaint by anybody.")
    points_left: int = Field(description="A remedy of more is refused.")


async def show_limits(
    read: Read, context: Context[Settings], caller: Principal, complaint_id: str
) -> list[RemedyLimitOut]:
    """Return the limits of a reader that may grant remedies; other readers have none."""
    if caller.kind != "operator" or caller.roles.isdisjoint(WRITERS):
        return []
    actor, now = actor_of(caller), context.clock.now()
    return [
        RemedyLimitOut(
            scope=limit.scope,
            points_max=limit.points_max,
            points_granted=limit.points_granted,
            points_left=limit.points_left,
        )
        for limit in await limits_of(read, context, complaint_id, actor.kind, actor.id, now)
    ]
