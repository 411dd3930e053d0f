"""Labels as statements: what is said of a customer now, and until when it holds without any event."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final, Literal
from zoneinfo import ZoneInfo

from services.scoring.domain.scores import Cuts, rfm
from services.scoring.domain.state import State

MovedBy = Literal["purchase", "time", "model", "ownership"]
RFM: Final = "rfm"


@dataclass(frozen=True, slots=True)
class Statement:
    """What is said of a customer: a label, by which model version, as of when, and until when it holds by itself.

    `label` is None when there is nothing to judge; `sequence` grows with every change of the label;
    `valid_until` is None when the label never changes by time alone. It may be early, never late.
    """

    customer_id: str
    label: str | None
    sequence: int
    model_version: int
    as_of: datetime
    valid_until: datetime | None
    moved_by: MovedBy


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What labels are judged with: cut points, their version, the shop's zone and the present instant."""

    cuts: Cuts
    version: int
    zone: ZoneInfo
    now: datetime


def restate(
    customer_id: str, before: Statement | None, state: State, yardstick: Yardstick, moved_by: MovedBy
) -> Statement | None:
    """What has to be said of a customer now; None when what was said still holds and wakes up in time.

    A timer that could be later is left alone: it is set right when it rings, and most purchases write nothing.
    """
    day = local_day(yardstick.now, yardstick.zone)
    if state.last_day is not None and state.last_day > day:
        day = state.last_day  # facts may be a day ahead of the clock
    score = rfm.rfm(state, yardstick.cuts, day)
    label = score.segment.value if score else None
    turn = rfm.next_change(state, yardstick.cuts, day)
    until = None if turn is None else day_start(turn, yardstick.zone)
    changed = label != (before.label if before else None)
    if not changed and (before is None or _wakes_in_time(before, until, yardstick.now)):
        return None
    sequence = (before.sequence if before else 0) + changed
    return Statement(customer_id, label, sequence, yardstick.version, yardstick.now, until, moved_by)


def _wakes_in_time(before: Statement, until: datetime | None, now: datetime) -> bool:
    """Whether the timer that is set rings in the future, and no later than needed."""
    if before.valid_until is None:
        return until is None
    return before.valid_until > now and (until is None or before.valid_until <= until)


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The shop's day that an instant falls on."""
    return instant.astimezone(zone).date()


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
