"""Remedies: points that make good, granted here and paid by loyalty."""

from services.feedback.remedies.api import remedies
from services.feedback.remedies.events import points
from services.feedback.remedies.invariants import INVARIANTS
from services.feedback.remedies.jobs import GIVE_UP_UNKNOWN_REMEDIES, MARK_OVERDUE_REMEDIES
from services.feedback.remedies.storage import figures, tables
from shared.events.loyalty import PointsEarned, RemedyRefused
from shared.service import Capability

CAPABILITY = Capability(
    name="remedies",
    routers=(remedies.router,),
    lock=points.lock,
    handlers={PointsEarned: points.points_earned, RemedyRefused: points.remedy_refused},
    jobs=(MARK_OVERDUE_REMEDIES, GIVE_UP_UNKNOWN_REMEDIES),
    approvables=(remedies.APPROVABLE,),
    tables=(tables.metadata,),
    gauges=figures.gauges,
    measures=figures.MEASURES,
    invariants=INVARIANTS,
)
