"""The loyalty service: points, each traceable to what earned it, and tiers."""

from pathlib import Path

from fastapi import FastAPI

from services.loyalty import jobs, verify
from services.loyalty.api import adjustments, ledger, members, redemptions
from services.loyalty.events import table
from services.loyalty.settings import Settings
from services.loyalty.storage import figures, tables
from shared.db import kernel_metadata
from shared.events.loyalty import (
    LoyaltyErasureDone,
    PointsEarned,
    PointsRedeemed,
    PointsReversed,
    RemedyRefused,
    TierChanged,
)
from shared.http.app import build_app
from shared.service import Job, Parts, Service

SETTLE_EVERY_SECONDS = 5.0
END_WAITING_EVERY_SECONDS = 5.0


def service(settings: Settings) -> Service:
    """The table of contents."""
    return Service(
        title="Huitou loyalty",
        description=(
            "Points and tiers: every point traceable to the order line that earned it, given back exactly when it is "
            "returned, and never spent twice."
        ),
        settings=settings,
        routers=(members.router, ledger.router, adjustments.router, redemptions.router),
        handlers=(table.handlers(settings),),
        publishes=(
            PointsEarned, PointsReversed, PointsRedeemed, RemedyRefused, TierChanged, LoyaltyErasureDone,
        ),
        jobs=(
            Job("settle_due", jobs.settle, SETTLE_EVERY_SECONDS),
            Job("end_waiting", jobs.end_waiting, END_WAITING_EVERY_SECONDS),
        ),
        metadata=(kernel_metadata, tables.metadata),
        migrations=Path(__file__).parent / "storage" / "migrations",
        verify=verify.drift,
        gauges=figures.gauges,
        measures=figures.MEASURES,
        invariants=verify.INVARIANTS,
    )  # fmt: skip


def create_app(settings: Settings, parts: Parts | None = None) -> FastAPI:
    """The service's HTTP app."""
    return build_app(service(settings), parts)
