"""The tables of policies, calendars, clocks and their events, and their records."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
)

from services.feedback.sla.domain.verdict import NoticeKind, Verdict
from services.feedback.sla.storage.documents import (
    StoredConditions,
    StoredDay,
    StoredPause,
    StoredTarget,
    StoredWindow,
)
from shared.db import record_of
from shared.db.schema import INDEX_NAMES, one_of
from shared.db.triggers import append_only
from shared.db.types import BigInt, Document, Id, Instant

metadata = MetaData(naming_convention=INDEX_NAMES)


class PolicyColumns(TypedColumns):
    """One version of an SLA policy."""

    policy_id: Named[str] = Column(Id, primary_key=True)
    version: Named[int] = Column(Integer, primary_key=True)
    position: Named[int] = Column(Integer)
    conditions: Named[StoredConditions] = Column(Document(StoredConditions))
    targets: Named[Mapping[str, StoredTarget]] = Column(Document(dict[str, StoredTarget]))
    """The targets by metric."""
    effective_from: Named[datetime] = Column(Instant)
    apply_to_open: Named[bool] = Column(Boolean)


sla_policy = Table("sla_policy", metadata, PolicyColumns)
append_only(sla_policy)


@record_of(sla_policy)
@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """A version of a policy: its promises, and the complaints that they hold for."""

    policy_id: str
    version: int
    position: int
    conditions: StoredConditions
    targets: Mapping[str, StoredTarget]
    effective_from: datetime
    apply_to_open: bool


class CalendarColumns(TypedColumns):
    """One version of a working calendar."""

    calendar_id: Named[str] = Column(Id, primary_key=True)
    version: Named[int] = Column(Integer, primary_key=True)
    zone: Named[str] = Column(Text)
    week: Named[tuple[tuple[StoredWindow, ...], ...]] = Column(Document(tuple[tuple[StoredWindow, ...], ...]))
    """The windows of seven days, from Monday."""
    exceptions: Named[tuple[StoredDay, ...]] = Column(Document(tuple[StoredDay, ...]))
    estimated_from: Named[str | None] = Column(Text)
    effective_from: Named[datetime] = Column(Instant)
    apply_to_open: Named[bool] = Column(Boolean)


calendar = Table("calendar", metadata, CalendarColumns)
append_only(calendar)


@record_of(calendar)
@dataclass(frozen=True, slots=True)
class CalendarRecord:
    """A version of a calendar of working time."""

    calendar_id: str
    version: int
    zone: str
    week: tuple[tuple[StoredWindow, ...], ...]
    exceptions: tuple[StoredDay, ...]
    estimated_from: str | None
    effective_from: datetime
    apply_to_open: bool


class ClockColumns(TypedColumns):
    """A clock of a complaint, as the fold of its facts says; recomputed, never added to."""

    complaint_id: Named[str] = Column(Id, primary_key=True)
    metric: Named[str] = Column(Id, primary_key=True)
    cycle: Named[int] = Column(Integer, primary_key=True)
    ordinal: Named[int] = Column(Integer, primary_key=True)
    policy_id: Named[str] = Column(Id)
    policy_version: Named[int] = Column(Integer)
    calendar_id: Named[str] = Column(Id)
    calendar_version: Named[int] = Column(Integer)
    target_seconds: Named[int] = Column(BigInt)
    started_at: Named[datetime] = Column(Instant)
    pauses: Named[tuple[StoredPause, ...]] = Column(Document(tuple[StoredPause, ...]))
    """Sorted, without overlaps."""
    due_at: Named[datetime | None] = Column(Instant)
    """Null while an open pause runs."""
    paused_since: Named[datetime | None] = Column(Instant)
    next_fire_at: Named[datetime | None] = Column(Instant)
    fulfilled_at: Named[datetime | None] = Column(Instant)
    fulfilled_how: Named[str | None] = Column(Text)
    cancelled_reason: Named[str | None] = Column(Text)
    verdict: Named[str] = Column(Text)
    estimated: Named[bool] = Column(Boolean)


sla_clock = Table(
    "sla_clock",
    metadata,
    ClockColumns,
    one_of("verdict", Verdict, name="sla_clock_verdict"),
)
Index(
    "sla_clock_next_fire",
    sla_clock.c.next_fire_at,
    postgresql_where=sla_clock.c.next_fire_at.is_not(None),
    sqlite_where=sla_clock.c.next_fire_at.is_not(None),
)


@record_of(sla_clock)
@dataclass(frozen=True, slots=True)
class ClockRecord:
    """A clock of a complaint, as its facts make it."""

    complaint_id: str
    metric: str
    cycle: int
    ordinal: int
    policy_id: str
    policy_version: int
    calendar_id: str
    calendar_version: int
    target_seconds: int
    started_at: datetime
    pauses: tuple[StoredPause, ...]
    due_at: datetime | None
    paused_since: datetime | None
    next_fire_at: datetime | None
    fulfilled_at: datetime | None
    fulfilled_how: str | None
    cancelled_reason: str | None
    verdict: str
    estimated: bool


class ClockEventColumns(TypedColumns):
    """A notice about a clock, given once; a breach stays whatever comes later."""

    complaint_id: Named[str] = Column(Id, primary_key=True)
    metric: Named[str] = Column(Id, primary_key=True)
    cycle: Named[int] = Column(Integer, primary_key=True)
    ordinal: Named[int] = Column(Integer, primary_key=True)
    kind: Named[str] = Column(Id, primary_key=True)
    level: Named[int] = Column(Integer, primary_key=True)
    """Of a warning or an escalation: generation of the target × 16 + its number; of a retarget: the generation."""
    occurred_at: Named[datetime] = Column(Instant)
    detected_at: Named[datetime] = Column(Instant)
    reason: Named[str] = Column(Text)
    policy_id: Named[str] = Column(Id)
    policy_version: Named[int] = Column(Integer)
    calendar_id: Named[str] = Column(Id)
    calendar_version: Named[int] = Column(Integer)
    due_at: Named[datetime] = Column(Instant)


sla_event = Table(
    "sla_event",
    metadata,
    ClockEventColumns,
    one_of("kind", NoticeKind, name="sla_event_kind"),
)
append_only(sla_event)


@record_of(sla_event)
@dataclass(frozen=True, slots=True)
class ClockEventRecord:
    """Something that a clock announced: a warning, a breach, or the withdrawal of a breach."""

    complaint_id: str
    metric: str
    cycle: int
    ordinal: int
    kind: str
    level: int
    occurred_at: datetime
    detected_at: datetime
    reason: str
    policy_id: str
    policy_version: int
    calendar_id: str
    calendar_version: int
    due_at: datetime
