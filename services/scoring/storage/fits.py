"""Fits that were asked for."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Row, select

from services.scoring.domain.scores import Kind
from services.scoring.storage.tables import fit
from shared.db import Read, Tx

FitStatus = Literal["queued", "running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit: what was asked for, and how far it is. `version` and `failure` are None until it has ended."""

    fit_id: str
    kind: Kind
    currency: str
    until: date
    publish: bool
    round_days: bool
    status: FitStatus
    attempts: int
    requested_by: str
    requested_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    version: int | None = None
    failure: str | None = None


async def add(tx: Tx, new: Fit) -> None:
    """Queue a fit."""
    await tx.insert_many(fit, [{name: getattr(new, name) for name in Fit.__dataclass_fields__}])


async def find(read: Read, fit_id: str) -> Fit | None:
    """A fit by its id."""
    row = await read.first(select(fit).where(fit.c.fit_id == fit_id))
    return None if row is None else _fit(row)


async def next_waiting(read: Read) -> Fit | None:
    """The oldest fit that has not ended. A running one was cut off: only the holder of the lease runs fits."""
    row = await read.first(
        select(fit).where(fit.c.status.in_(("queued", "running"))).order_by(fit.c.fit_id).limit(1)
    )
    return None if row is None else _fit(row)


async def write(tx: Tx, changed: Fit) -> None:
    """Store how far a fit is."""
    names = ("fit_id", "status", "attempts", "started_at", "finished_at", "version", "failure")
    await tx.update_many(fit, [{name: getattr(changed, name) for name in names}], key=["fit_id"])


def _fit(row: Row[*tuple[Any, ...]]) -> Fit:
    return Fit(*row)
