"""The scoring service: what can be computed about a customer, and when it changes."""

from pathlib import Path

from fastapi import FastAPI

from services.scoring import verify
from services.scoring.api import customers, fits, models
from services.scoring.events import table
from services.scoring.jobs import fits as fit_jobs
from services.scoring.jobs import labels as label_jobs
from services.scoring.settings import Settings
from services.scoring.storage import figures, tables
from shared.db import kernel_metadata
from shared.events.scoring import ScoreUpdated, ScoringErasureDone
from shared.http.app import build_app
from shared.identity import identity_metadata
from shared.service import Job, Parts, Service

FITS_EVERY_SECONDS = 1.0
LABELS_EVERY_SECONDS = 5.0


def service(settings: Settings) -> Service:
    """The table of contents."""
    return Service(
        title="Huitou scoring",
        description=(
            "What a customer is worth and whether they will come back: RFM with segments, BG/NBD and Gamma-Gamma, "
            "as of any moment, from every purchase and return."
        ),
        settings=settings,
        routers=(customers.router, models.router, fits.router),
        handlers=(table.handlers(settings),),
        publishes=(ScoreUpdated, ScoringErasureDone),
        jobs=(
            Job("run_fits", fit_jobs.run, FITS_EVERY_SECONDS),
            Job("ring_timers", label_jobs.ring, LABELS_EVERY_SECONDS),
            Job("sweep_labels", label_jobs.sweep, label_jobs.SWEEP_SECONDS),
        ),
        metadata=(kernel_metadata, identity_metadata, tables.metadata),
        migrations=Path(__file__).parent / "storage" / "migrations",
        verify=verify.drift,
        gauges=figures.gauges,
        measures=figures.MEASURES,
        invariants=verify.INVARIANTS,
    )


def create_app(settings: Settings, parts: Parts | None = None) -> FastAPI:
    """The service's HTTP app."""
    return build_app(service(settings), parts)
