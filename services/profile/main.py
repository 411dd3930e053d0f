"""The profile service: who customers are, and what they bought."""

from pathlib import Path

from fastapi import FastAPI

from services.profile import jobs, verify
from services.profile.api import customers, purchases, returns
from services.profile.events import table
from services.profile.settings import Settings
from services.profile.storage import tables
from shared.db import kernel_metadata
from shared.events.profile import CustomerRegistered, PurchaseRecorded, PurchaseReturned
from shared.http.app import build_app
from shared.service import Job, Parts, Service


def service(settings: Settings | None = None) -> Service:
    """The table of contents."""
    settings = settings or Settings()
    return Service(
        title="Huitou profile",
        description="Takes in purchases and returns, finds whose they are, and keeps the customer record.",
        settings=settings,
        routers=(customers.router, purchases.router, returns.router),
        handlers=(table.handlers(settings),),
        publishes=(CustomerRegistered, PurchaseRecorded, PurchaseReturned),
        jobs=(Job("bury_overdue_returns", jobs.bury_returns, every_seconds=3_600),),
        metadata=(kernel_metadata, tables.metadata),
        migrations=Path(__file__).parent / "storage" / "migrations",
        verify=verify.drift,
        invariants=verify.INVARIANTS,
    )


def create_app(settings: Settings | None = None, parts: Parts | None = None) -> FastAPI:
    """The HTTP app; with `parts` it answers at once, without it opens its own."""
    return build_app(service(settings), parts)
