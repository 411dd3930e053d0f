"""The tables of models, fits and sweeps, each with its record."""

from datetime import date, datetime
from typing import get_args

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    Index,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
)

from services.scoring.models.domain.fit import Fit, FitStatus
from services.scoring.models.domain.kinds import Parameters
from services.scoring.models.domain.models import Model, Status
from services.scoring.models.domain.sweep import Sweep
from shared.db import triggers
from shared.db.records import record_of
from shared.db.schema import INDEX_NAMES, one_of
from shared.db.types import BigInt, Document, Id, Instant

metadata = MetaData(naming_convention=INDEX_NAMES)


class ModelColumns(TypedColumns):
    """A version of a model: written once and kept for ever, so that every score can be computed again."""

    kind: Named[str] = Column(Id, primary_key=True)
    currency: Named[str] = Column(Id, primary_key=True)
    """Empty for models that hold for every currency."""
    version: Named[int] = Column(BigInt, primary_key=True)
    until: Named[date] = Column(Date)
    zone: Named[str] = Column(Text)
    parameters: Named[Parameters] = Column(Document(Parameters))
    log_likelihood: Named[float | None] = Column(Float(53))
    customers: Named[int] = Column(BigInt)
    unique_rows: Named[int] = Column(BigInt)
    preparation: Named[str] = Column(Text)
    gates: Named[dict[str, bool]] = Column(Document(dict[str, bool]))
    status: Named[str] = Column(Text)
    published_at: Named[datetime | None] = Column(Instant)
    figures: Named[dict[str, float] | None] = Column(Document(dict[str, float]))
    """The numbers behind the gates; null for versions of before they were kept."""


model = Table(
    "model",
    metadata,
    ModelColumns,
    one_of("status", get_args(Status), name="model_status"),
    CheckConstraint("version > 0", name="model_version"),
)
triggers.append_only(model)
record_of(model)(Model)


class FitColumns(TypedColumns):
    """A fit that was asked for, and how far it is."""

    fit_id: Named[str] = Column(Id, primary_key=True)
    kind: Named[str] = Column(Text)
    currency: Named[str] = Column(Text)
    until: Named[date] = Column(Date)
    publish: Named[bool] = Column(Boolean)
    round_days: Named[bool] = Column(Boolean)
    status: Named[str] = Column(Text)
    requested_by: Named[str] = Column(Text)
    requested_at: Named[datetime] = Column(Instant)
    job_id: Named[str | None] = Column(Id)
    """The job that does it; null of a fit of an earlier version."""
    started_at: Named[datetime | None] = Column(Instant)
    finished_at: Named[datetime | None] = Column(Instant)
    version: Named[int | None] = Column(BigInt)
    """The version that the fit made; null before, and when it failed."""
    failure: Named[str | None] = Column(Text)
    """The code of the reason why it failed."""


fit = Table(
    "fit",
    metadata,
    FitColumns,
    one_of("status", get_args(FitStatus), name="fit_status"),
)
Index("fit_waiting", fit.c.status, fit.c.fit_id)
Index("fit_of_job", fit.c.job_id)
record_of(fit)(Fit)


class SweepColumns(TypedColumns):
    """The progress of judging customers again after a version was published; one row per kind of model."""

    kind: Named[str] = Column(Id, primary_key=True)
    version: Named[int] = Column(BigInt)
    after_customer_id: Named[str] = Column(Id)
    finished_at: Named[datetime | None] = Column(Instant)


sweep = Table("sweep", metadata, SweepColumns)
record_of(sweep)(Sweep)
