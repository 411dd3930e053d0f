"""The parts that several operations on complaints share: a complaint in short, and its channel."""

from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, Field

from services.feedback.complaints.domain.machine import ComplaintStatus
from services.feedback.complaints.queries.complaints import complaint_of
from services.feedback.http import COMPLAINT_EXAMPLE, ClockOut, show_clocks
from shared.db import Read
from shared.http import shapes
from shared.http.models import CODE, Response, Spelled
from shared.limits import CODE_MAX

_CHANNEL = r"^[A-Za-z][A-Za-z0-9_ -]*$"


def channel_code(channel: str) -> str:
    """Return a channel as it is stored: in lower case, with underscores."""
    return channel.lower().replace("-", "_").replace(" ", "_")


ChannelIn = Annotated[
    str,
    Spelled,
    Field(
        pattern=_CHANNEL,
        max_length=CODE_MAX,
        description="web, phone, chat, e_mail …; kept in lower case with underscores.",
        examples=["web"],
    ),
    AfterValidator(channel_code),
    shapes.pattern(_CHANNEL),
]
ChannelFilter = Annotated[
    str | None,
    Spelled,
    CODE,
    AfterValidator(lambda channel: channel and channel_code(channel)),
    Query(max_length=CODE_MAX, description="Only complaints that came through this channel."),
]
NumberFilter = Annotated[
    str | None,
    Spelled,
    CODE,
    AfterValidator(lambda number: number and number.upper()),
    Query(max_length=CODE_MAX, description="Only the complaint with this number, such as C-261121-7KQ4M."),
]


class ComplaintSummaryOut(Response):
    """A complaint in short: its number, its state and its clocks."""

    id: str = Field(examples=[COMPLAINT_EXAMPLE])
    number: str
    status: ComplaintStatus
    clocks: list[ClockOut]


async def opened_out(read: Read, complaint_id: str) -> ComplaintSummaryOut:
    """Return a complaint in short, as it stands after a use case."""
    complaint = await complaint_of(read, complaint_id)
    clocks = await show_clocks(read, [complaint_id])
    return ComplaintSummaryOut(
        id=complaint.id,
        number=complaint.number,
        status=ComplaintStatus(complaint.status),
        clocks=clocks[complaint_id],
    )
