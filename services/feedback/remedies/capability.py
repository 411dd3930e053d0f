"""Remedies: points that make good, granted here and paid by loyalty."""

from services.feedback.remedies.api import remedies
from services.feedback.remedies.events import points
from services.feedback.remedies.invariants import INVARIANTS
from services.feedback.remedies.storage import figures, tables
from services.feedback.remedies.usecases.give_up_unknown_remedies import give_up_unknown_remedies
from services.feedback.remedies.usecases.mark_overdue_remedies import mark_overdue_remedies
from shared.consume.parking import SWEEP_SECONDS
from shared.events.loyalty import PointsEarned, RemedyRefused
from shared.outbox.jobs import paged
from shared.service import Capability

CAPABILITY = Capability(
    name="remedies",
    routers=(remedies.router,),
    lock=points.lock,
    handlers={PointsEarned: points.points_earned, RemedyRefused: points.remedy_refused},
    jobs=(
        paged("mark_overdue_remedies", mark_overdue_remedies, every_seconds=5),
        paged("give_up_unknown_remedies", give_up_unknown_remedies, every_seconds=SWEEP_SECONDS),
    ),
    approvables=(remedies.APPROVABLE,),
    tables=(tables.metadata,),
    gauges=figures.gauges,
    measures=figures.MEASURES,
    invariants=INVARIANTS,
)
