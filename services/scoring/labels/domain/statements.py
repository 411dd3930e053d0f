"""Labels as statements: the label that a customer has now, and until when it holds without any event."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from services.scoring.facts.domain.state import State
from services.scoring.models.domain.kinds import Cuts, Kind, rfm
from shared.local_time import day_start, local_day

MovedBy = Literal["purchase", "time", "model", "ownership"]
RFM: Final = "rfm"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement about a customer: a label, the version of the model, and until when the label holds by itself.

    `label` is None when there is nothing to judge. `label_sequence` grows with every change of the label: it is the second of
    the change, or one more than before. So it also grows when the database was lost and the labels are found again.
    `valid_until` is None when the label never changes by time alone. It may be early, never late.
    """

    customer_id: str
    kind: Kind
    label: str | None
    label_sequence: int
    model_version: int
    as_of: datetime
    valid_until: datetime | None
    moved_by: MovedBy


@dataclass(frozen=True, slots=True)
class Yardstick:
    """The measure of labels: cut points, their version, the shop's zone and the present instant."""

    cuts: Cuts
    version: int
    zone: ZoneInfo
    now: datetime


def restate(
    customer_id: str, before: Statement | None, state: State, yardstick: Yardstick, moved_by: MovedBy
) -> Statement | None:
    """Return the new statement about a customer; None when the statement before holds and its timer is early enough.

    A timer that could be later is left alone: it is corrected when it is due, so most purchases write nothing.
    """
    day = local_day(yardstick.now, yardstick.zone)
    if state.last_day is not None and state.last_day > day:
        day = state.last_day  # facts may be a day ahead of the clock
    score = rfm.rfm(state, yardstick.cuts, day)
    label = score.segment.value if score else None
    turn = rfm.next_change(state, yardstick.cuts, day)
    until = None if turn is None else day_start(turn, yardstick.zone)
    changed = label != (before.label if before else None)
    if not changed and (before is None or _timer_is_early_enough(before, until, yardstick.now)):
        return None
    sequence = before.label_sequence if before else 0
    if changed:
        sequence = max(sequence + 1, int(yardstick.now.timestamp()))
    return Statement(customer_id, RFM, label, sequence, yardstick.version, yardstick.now, until, moved_by)


def _timer_is_early_enough(before: Statement, until: datetime | None, now: datetime) -> bool:
    """Return whether the timer that is set is due in the future, and no later than needed."""
    if before.valid_until is None:
        return until is None
    return before.valid_until > now and (until is None or before.valid_until <= until)
