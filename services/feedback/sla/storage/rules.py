"""Policies and calendars in the database, translated into the words of the domain."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import bindparam, func, select

from services.feedback.sla.domain.calendar import Calendar, Window, Windows
from services.feedback.sla.domain.policy import Metric, Policy, Promise, Rules
from services.feedback.sla.storage.documents import StoredWindow
from services.feedback.sla.storage.tables import CalendarRecord, PolicyRecord, calendar, sla_policy
from shared.db import Read, columns_of
from shared.db.types import Instant

_AT = bindparam("at", type_=Instant)
_POLICIES, _CALENDARS = (
    select(func.count()).where(columns.apply_to_open, columns.effective_from <= _AT).scalar_subquery()
    for columns in (sla_policy.c, calendar.c)
)
_COUNT_APPLIED = select(_POLICIES + _CALENDARS)
"""Built once, because it is read every second, and building it costs more than running it."""


async def load(read: Read) -> Rules:
    """Return every version of every policy and calendar: they are few, and old versions judge old clocks."""
    policies = await read.read_records(PolicyRecord, select(*columns_of(sla_policy, PolicyRecord)))
    calendars = await read.read_records(CalendarRecord, select(*columns_of(calendar, CalendarRecord)))
    return Rules(tuple(map(_policy, policies)), tuple(map(_calendar, calendars)))


async def count_applied(read: Read, at: datetime) -> int:
    """Return the number of versions that have moved running clocks by an instant."""
    return await read.scalar(_COUNT_APPLIED, {"at": at}) or 0


def _policy(record: PolicyRecord) -> Policy:
    return Policy(
        id=record.policy_id,
        version=record.version,
        position=record.position,
        conditions=None if record.conditions.everything else record.conditions.accepted,
        promises={
            Metric(metric): Promise(target.seconds, target.calendar_id, target.warn, target.levels)
            for metric, target in record.targets.items()
        },
        effective_from=record.effective_from,
        apply_to_open=record.apply_to_open,
    )


def _calendar(record: CalendarRecord) -> Calendar:
    return Calendar(
        id=record.calendar_id,
        version=record.version,
        zone=record.zone,
        week=tuple(_windows(windows) for windows in record.week),
        exceptions=tuple(
            (exception.day, _windows(exception.windows))
            for exception in sorted(record.exceptions, key=lambda exception: exception.day)
        ),
        effective_from=record.effective_from,
        apply_to_open=record.apply_to_open,
        estimated_from=None if record.estimated_from is None else date.fromisoformat(record.estimated_from),
    )


def _windows(windows: Sequence[StoredWindow]) -> Windows:
    return tuple(Window(window.opens, window.closes) for window in windows)
