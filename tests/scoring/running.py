"""A running scoring service for tests: its runtime, its handlers, its app, and facts to feed it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from services.scoring.settings import Settings
from shared.clock import ManualClock
from shared.events.base import Event
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    PurchaseRecorded,
    PurchaseReturned,
)
from shared.events.scoring import ScoreUpdated
from shared.ids import new_id
from shared.jobs.working import work_on_all
from shared.service import Runtime, Service
from tests.parts import databases, facts, services
from tests.parts.services import Running

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)


class Scoring(Running[Settings]):
    """Scoring on one database, its clock in the test's hand."""

    operator_role = "analyst"

    def __init__(self, service: Service, runtime: Runtime[Settings], clock: ManualClock) -> None:
        super().__init__(service, runtime, clock)
        self.zone = ZoneInfo(self.settings.zone)

    async def told(self) -> list[ScoreUpdated]:
        """Read every score_updated so far, in order."""
        return await self.events_of(ScoreUpdated)


@asynccontextmanager
async def open_scoring(kind: databases.Kind, folder: Path, *, zone: str = "UTC") -> AsyncIterator[Scoring]:
    """Run scoring on an empty database of this kind."""
    async with services.running(Scoring, "scoring", kind, folder, now=NOW, zone=zone) as scoring:
        yield scoring


async def run_fits(scoring: Scoring) -> int:
    """Run the fits that wait, and return their number. Each is two chunks of a job: it is computed, and stored as a version."""
    kinds = {kind.operation: kind for kind in scoring.service.job_kinds}
    return await work_on_all(scoring.runtime, kinds) // 2


def customer() -> str:
    """A new identity."""
    return new_id("cus")


def at(days_ago: float) -> datetime:
    """An instant before NOW."""
    return NOW - timedelta(days=days_ago)


def noon(day: date) -> datetime:
    """Noon of a day, UTC."""
    return datetime.combine(day, time(12), UTC)


def bought(
    who: str,
    when: datetime,
    amount: int = 1000,
    *,
    units: int = 1,
    currency: str = "CNY",
    id: str | None = None,
) -> PurchaseRecorded:
    """A purchase of one line."""
    lines = [facts.line("tea", units, amount)]
    return facts.purchase(who, when, lines, id=id, source="till", currency=currency)


def returned(
    of: PurchaseRecorded, when: datetime, amount: int, *, unit_from: int = 1, unit_to: int = 1
) -> PurchaseReturned:
    """A return of some units of a purchase's only line."""
    return facts.returned(of, when, [(1, unit_from, unit_to)], amounts=[amount])


def registered(who: str) -> CustomerRegistered:
    """A registration."""
    return facts.registered(who, NOW, origin="upsert")


def moved(who: str, owner: str, former: str, version: int) -> CustomerMerged | CustomerUnmerged:
    """A merge, or, back to itself, an unmerge."""
    if owner != who:
        return facts.merged(who, owner, NOW, former=former, version=version)
    return facts.unmerged(who, NOW, former=former, version=version)


def erased(who: str) -> CustomerErased:
    """An erasure of one identity."""
    return facts.erased(who, NOW)


def batched(events: Sequence[Event], sizes: Sequence[int]) -> list[list[Event]]:
    """The events cut into batches of these sizes, the rest in one."""
    batches, start = [], 0
    for size in (*sizes, len(events)):
        batches.append(list(events[start : start + size]))
        start += size
    return [batch for batch in batches if batch]
