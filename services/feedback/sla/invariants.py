"""The invariants of notices: each that was given was told."""

from collections.abc import Sequence
from typing import Any

from services.feedback.sla.domain.verdict import NoticeKind
from services.feedback.sla.storage import clocks
from shared.events.feedback import SlaBreached, SlaBreachWithdrawn, SlaWarned
from shared.service import Invariants
from shared.verify.event_rules import EventRule, Fact, read_rows


def _warned(event: SlaWarned) -> Fact:
    return _notice(
        event.complaint_id, event.metric, event.cycle, event.ordinal, NoticeKind.WARNED.value, event.level
    )


def _breached(event: SlaBreached) -> Fact:
    return _notice(event.complaint_id, event.metric, event.cycle, event.ordinal, NoticeKind.BREACHED.value)


def _withdrawn(event: SlaBreachWithdrawn) -> Fact:
    kind = NoticeKind.BREACH_WITHDRAWN.value
    return _notice(event.complaint_id, event.metric, event.cycle, event.ordinal, kind)


def _stored(row: Sequence[Any]) -> Fact:  # each column has its own type
    complaint_id, metric, cycle, ordinal, kind, level = row
    return _notice(
        complaint_id, metric, cycle, ordinal, kind, level if kind == NoticeKind.WARNED.value else 0
    )


def _notice(complaint_id: str, metric: str, cycle: int, ordinal: int, kind: str, level: int = 0) -> Fact:
    """Return the fact of a notice. Only warnings have levels that events tell."""
    return Fact(f"{complaint_id}:{metric}:{cycle}:{ordinal}:{kind}:{level}")


INVARIANTS = Invariants(
    event_rules=(
        EventRule(
            "notice_has_its_event",
            {SlaWarned: _warned, SlaBreached: _breached, SlaBreachWithdrawn: _withdrawn},
            read_rows(clocks.NOTICES, 6, _stored),
        ),
    )
)
