"""Policies and calendars, from their rows into the words of the domain."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import select

from services.feedback.domain.calendar import Calendar, Windows
from services.feedback.domain.policy import Metric, Policy, Promise, Rules
from services.feedback.storage.tables import calendar, sla_policy
from shared.db import Read

EVERYTHING: Final = {"everything": True}


async def load(read: Read) -> Rules:
    """Every version of every policy and calendar: they are few, and old versions judge old clocks."""
    policies = await read.all(select(sla_policy))
    calendars = await read.all(select(calendar))
    return Rules(
        tuple(
            Policy(
                id=row.policy_id,
                version=row.version,
                position=row.position,
                conditions=None if row.conditions == EVERYTHING else row.conditions,
                promises={Metric(metric): _promise(target) for metric, target in row.targets.items()},
                effective_from=row.effective_from,
                apply_to_open=row.apply_to_open,
            )
            for row in policies
        ),
        tuple(
            Calendar(
                id=row.calendar_id,
                version=row.version,
                zone=row.zone,
                week=tuple(_windows(day) for day in row.week),
                exceptions=tuple(
                    (date.fromisoformat(day), _windows(spans))
                    for day, spans in sorted(row.exceptions.items())
                ),
                effective_from=row.effective_from,
                apply_to_open=row.apply_to_open,
                estimated_from=None if row.estimated_from is None else date.fromisoformat(row.estimated_from),
            )
            for row in calendars
        ),
    )


def _promise(target: Mapping[str, Any]) -> Promise:
    return Promise(target["seconds"], target["calendar_id"], tuple(target["warn"]), tuple(target["levels"]))


def _windows(spans: Sequence[Sequence[int]]) -> Windows:
    return tuple((opens, closes) for opens, closes in spans)
