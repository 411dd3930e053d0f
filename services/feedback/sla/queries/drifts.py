"""Clocks are folded again and compared with what is stored."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final

from services.feedback.sla.domain import verdict
from services.feedback.sla.domain.fold import Cancellation
from services.feedback.sla.domain.history import ClockKey, History, breach_of
from services.feedback.sla.domain.policy import Rules
from services.feedback.sla.domain.verdict import Verdict
from services.feedback.sla.domain.waiting import waiting
from services.feedback.sla.storage import clocks, rules
from services.feedback.sla.storage.tables import ClockRecord
from shared.db import Read
from shared.service import Drift
from shared.speech import words

BREACH_ANNOUNCED: Final = "breach_was_announced"
FOLLOWS: Final = "clock_follows_from_its_facts"
PROMISED: Final = "promise_runs_while_the_customer_waits"
RULES: Final = (BREACH_ANNOUNCED, FOLLOWS, PROMISED)

TIMELESS: Final = (
    "due_at",
    "paused_since",
    "fulfilled_at",
    "fulfilled_how",
    "cancelled_reason",
    "started_at",
    "pauses",
)
"""The columns that do not depend on the time at which a clock is folded."""


async def drifts(read: Read, histories: Sequence[History]) -> list[Drift]:
    """Return every difference between the stored clocks of these complaints and their facts.

    Each clock is folded as of its complaint's opening, and against the rules that had reached it when it was stored. So
    the present time plays no part.
    """
    complaint_ids = [history.complaint_id for history in histories]
    in_force = await rules.load(read)
    stored = {clocks.key_of(record): record for record in await clocks.of_complaints(read, complaint_ids)}
    given = await clocks.notices(read, complaint_ids)
    drifts: list[Drift] = []
    for history in histories:
        opened = min(fact.at for fact in history.facts)
        drifts += _unpromised(history, in_force, stored.values())
        rules_until = in_force.applied_until(history.rules_applied)
        folded = verdict.clocks(history.facts, in_force, opened, rules_until)
        drifts += _due_differs(history, verdict.earliest_due(folded))
        for clock in folded:
            key = ClockKey(history.complaint_id, *clock.key)
            breach = given.get(breach_of(key))
            expected = clocks.record_of_clock(key.complaint_id, verdict.standing(clock, breach, opened))
            record = stored.pop(key, None)
            drifts += _differences(key, expected, record)
            if record is not None and record.verdict == Verdict.BREACHED.value and breach is None:
                drifts.append(Drift(BREACH_ANNOUNCED, _name(key), words(__name__, "drift_no_notice")))
    drifts += [
        Drift(FOLLOWS, _name(key), words(__name__, "drift_no_such_clock"))
        for key in stored
        if breach_of(key) not in given
    ]
    return drifts


def _due_differs(history: History, wanted: datetime | None) -> list[Drift]:
    if history.due_at == wanted:
        return []
    differs = words(__name__, "drift_clock_differs", column="due_at", actual=history.due_at, wanted=wanted)
    return [Drift(FOLLOWS, history.complaint_id, differs)]


def _unpromised(history: History, in_force: Rules, stored: Iterable[ClockRecord]) -> list[Drift]:
    """Return a drift if the customer waits for a response that was promised, and no clock runs for it."""
    wait = waiting(history.facts)
    if wait is None or wait.metric not in in_force.goals(wait.attributes, wait.since):
        return []
    for clock in stored:
        of_wait = (clock.complaint_id, clock.metric, clock.cycle) == (
            history.complaint_id,
            wait.metric,
            wait.cycle,
        )
        is_over = clock.fulfilled_at is not None or clock.cancelled_reason not in (
            None,
            Cancellation.NO_POLICY,
        )
        if of_wait and not is_over:
            return []
    return [Drift(PROMISED, history.complaint_id, words(__name__, "drift_nothing_runs", metric=wait.metric))]


def _differences(key: ClockKey, expected: ClockRecord, record: ClockRecord | None) -> list[Drift]:
    if record is None:
        return [Drift(FOLLOWS, _name(key), words(__name__, "drift_clock_missing"))]
    running = expected.verdict == Verdict.RUNNING.value
    return [
        Drift(
            FOLLOWS,
            _name(key),
            words(__name__, "drift_clock_differs", column=column, actual=actual, wanted=wanted),
        )
        for column in (TIMELESS if running else (*TIMELESS, "verdict"))
        if (actual := attrgetter(column)(record)) != (wanted := attrgetter(column)(expected))
    ]


def _name(key: ClockKey) -> str:
    return ":".join(map(str, key))
