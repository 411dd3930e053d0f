"""The parts of answers that several capabilities show: the clocks of a complaint."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import Path
from pydantic import Field

from services.feedback.sla.domain.fold import Cancellation, Fulfilment
from services.feedback.sla.domain.policy import Metric
from services.feedback.sla.domain.verdict import Verdict
from services.feedback.sla.queries.clocks import ClockRecord, clocks_of_complaints
from shared.db import Read
from shared.http.models import Response, member_of
from shared.http.readers import OPERATORS_ONLY

COMPLAINT_EXAMPLE = "cmp_01hv3n8v1mz8k7g5r0q2w4x6y8"
ComplaintInPath = Annotated[str, Path(examples=[COMPLAINT_EXAMPLE])]
OwnerId = Annotated[
    str | None,
    OPERATORS_ONLY,
    Field(
        description="The id of the owner, by which complaints and the audit trail are filtered. Operators only.",
        examples=["~AAFx0q2mY4v8Kq7s"],
    ),
]


UpdatedAt = Annotated[
    datetime,
    Field(description="When its state, its owner, its messages, its clocks or its remedies last changed."),
]
DueAt = Annotated[
    datetime | None,
    Field(
        description="The earliest due time of its promises that are not kept yet; null while nothing is due."
    ),
]


class ClockOut(Response):
    """A promise to the customer, and its state."""

    metric: Metric
    cycle: int = Field(description="The number of the promise's run; a reopening begins the next run.")
    ordinal: int = Field(description="The number of the exchange within the cycle.")
    target_seconds: int = Field(description="Working seconds promised.")
    started_at: datetime
    due_at: datetime | None = Field(description="Null while the clock is paused.")
    paused_since: datetime | None
    fulfilled_at: datetime | None
    fulfilled_how: Fulfilment | None
    cancelled_reason: Cancellation | None
    verdict: Verdict
    estimated: bool = Field(description="Due on a day for which no official calendar was known.")


async def show_clocks(read: Read, complaint_ids: Sequence[str]) -> Mapping[str, list[ClockOut]]:
    """Return the clocks of each of these complaints, in the order in which they started."""
    shown: defaultdict[str, list[ClockOut]] = defaultdict(list)
    for clock in await clocks_of_complaints(read, complaint_ids):
        shown[clock.complaint_id].append(_shown(clock))
    return shown


def _shown(clock: ClockRecord) -> ClockOut:
    return ClockOut(
        metric=Metric(clock.metric),
        cycle=clock.cycle,
        ordinal=clock.ordinal,
        target_seconds=clock.target_seconds,
        started_at=clock.started_at,
        due_at=clock.due_at,
        paused_since=clock.paused_since,
        fulfilled_at=clock.fulfilled_at,
        fulfilled_how=member_of(Fulfilment, clock.fulfilled_how),
        cancelled_reason=member_of(Cancellation, clock.cancelled_reason),
        verdict=Verdict(clock.verdict),
        estimated=clock.estimated,
    )
