"""A fit that was asked for, and how far it is."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from services.scoring.models.domain.kinds import Kind

FitStatus = Literal["queued", "running", "done", "failed"]
Failure = Literal["no_customers", "timed_out", "worker_failed", "cut_off", "cancelled"]
"""The reason why a fit made no version."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit: what was asked for, and how far it is. `version` and `failure` are None until it has ended.

    `version` is the version of the model that the fit made, `failure` the code of the reason why it made none.
    """

    fit_id: str
    kind: Kind
    currency: str
    until: date
    publish: bool
    round_days: bool
    status: FitStatus
    """The state. A fit is stored as `queued` until it has ended: its job knows whether it runs."""
    requested_by: str
    requested_at: datetime
    job_id: str | None = None
    """The job that does it; None of a fit of an earlier version."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    version: int | None = None
    failure: Failure | None = None
