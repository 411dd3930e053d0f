"""The feedback service: what went wrong, and whether it was put right in time."""

from pathlib import Path

from fastapi import FastAPI

from services.feedback import events, jobs, verify
from services.feedback.api import complaints, courses, messages, remedies, transitions
from services.feedback.settings import Settings
from services.feedback.storage import figures, tables
from shared.db import kernel_metadata
from shared.events.feedback import (
    ComplaintAnswered,
    ComplaintClosed,
    ComplaintOpened,
    ComplaintReopened,
    ComplaintResolved,
    FeedbackErasureDone,
    RemedyGranted,
    RemedySettled,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaWarned,
)
from shared.http.app import build_app
from shared.identity import identity_metadata
from shared.service import Job, Parts, Service


def service(settings: Settings | None = None) -> Service:
    """The table of contents."""
    settings = settings or Settings()
    return Service(
        title="Huitou feedback",
        description="Complaints with clocks that are kept, remedies that pay, and follow-ups that are recorded.",
        settings=settings,
        routers=(complaints.router, courses.router, messages.router, transitions.router, remedies.router),
        handlers=(events.handlers(settings),),
        publishes=(
            ComplaintOpened,
            ComplaintAnswered,
            ComplaintResolved,
            ComplaintClosed,
            ComplaintReopened,
            SlaWarned,
            SlaBreached,
            SlaBreachWithdrawn,
            RemedyGranted,
            RemedySettled,
            FeedbackErasureDone,
        ),
        jobs=(
            Job("fire_clocks", jobs.fire_due_clocks, every_seconds=1),
            Job("mark_overdue_remedies", jobs.mark_remedies, every_seconds=5),
            Job("bury_unknown_remedies", jobs.bury_answers, every_seconds=600),
        ),
        metadata=(kernel_metadata, identity_metadata, tables.metadata),
        migrations=Path(__file__).parent / "storage" / "migrations",
        verify=verify.drift,
        gauges=figures.gauges,
        measures=figures.MEASURES,
        invariants=verify.INVARIANTS,
    )


def create_app(settings: Settings | None = None, parts: Parts | None = None) -> FastAPI:
    """The HTTP app; with `parts` it answers at once, without it opens its own."""
    return build_app(service(settings), parts)
