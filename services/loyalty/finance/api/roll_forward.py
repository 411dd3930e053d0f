"""The roll-forward: the points of all members before each month, its movements, and the points after it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from fastapi import Query
from fastapi import Response as Answer
from pydantic import Field

from services.loyalty.finance.api.formats import Format, FormatQuery, described, file
from services.loyalty.finance.domain.months import first_day, later, months_between
from services.loyalty.finance.queries.roll_forward import MonthRolled, find_roll_forward
from services.loyalty.finance.refusals import MONTHS_MAX, PeriodRefused
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.settings import Settings
from shared import csv_text
from shared.auth.access import allow
from shared.csv_text import Cell
from shared.http.dependencies import InContext, Reading
from shared.http.models import Response, example
from shared.http.routes import Router

router = Router(tags=["finance"])

FIGURES = (
    *("opening", "issued", "returned", "redeemed", "expired", "reversed", "adjusted", "imported"),
    "closing",
)
COLUMNS = ("programme", "currency", "month", "ends_at", "is_closed", *FIGURES, "closing_value_minor")
MONTHS_DEFAULT = 12

MonthText = Annotated[str, Query(pattern=r"^(19|20|21)\d\d-(0[1-9]|1[0-2])$", examples=["2026-03"])]


class MonthOut(Response):
    """A month of the programme's zone: opening + issued + returned - redeemed - expired - reversed + adjusted + imported = closing."""

    month: str
    ends_at: datetime = Field(
        description="The first instant of the next month, or the present of the month that runs."
    )
    is_closed: bool = Field(
        description="Whether nothing can be booked in the month any more. A month is closed an hour after its end."
    )
    opening: int = Field(description="The points that members had, less what they owed.")
    issued: int = Field(description="Granted for purchases and as remedies.")
    returned: int = Field(description="Given back, because an order that was paid with points was returned.")
    redeemed: int
    expired: int = Field(description="Net of expired points that a return took back.")
    reversed: int = Field(
        description="Taken back by returns, also of points that had been spent or had expired."
    )
    adjusted: int = Field(description="By operators: more than 0 was added, or less than 0 taken away.")
    imported: int = Field(description="Opening balances that were imported.")
    closing: int = Field(description="`net_points` of the liability at `ends_at`.")
    closing_value_minor: int | None = Field(
        description="What the closing balance is worth, rounded down; null if the programme does not say what points are worth."
    )


class RollForwardOut(Response):
    """The roll-forward of some months."""

    model_config = example(
        programme="default", currency="CNY",
        months=[{"month": "2026-03", "ends_at": "2026-03-31T16:00:00Z", "is_closed": True, "opening": 10_000, "issued": 4_000,
                 "returned": 100, "redeemed": 1_500, "expired": 300, "reversed": 200, "adjusted": 50, "imported": 0,
                 "closing": 12_150, "closing_value_minor": 12_150}],
    )  # fmt: skip

    programme: str
    currency: str
    months: list[MonthOut]


@router.get(
    "/v1/finance/roll-forward",
    operation_id="get_roll_forward",
    summary="Get the movements of points by month",
    allow=allow({"analyst", "manager", "admin"}),
    errors=(PeriodRefused,),
    response_model=RollForwardOut,
    responses=described(
        COLUMNS, "default,CNY,2026-03,2026-03-31T16:00:00Z,true,10000,4000,100,1500,300,200,50,0,12150,12150"
    ),
)
async def get_roll_forward(
    read: Reading,
    context: InContext[Settings],
    first: Annotated[
        MonthText | None,
        Query(
            alias="from",
            description=f"The first month; by default {MONTHS_DEFAULT - 1} months before the last one.",
        ),
    ] = None,
    last: Annotated[
        MonthText | None,
        Query(alias="to", description="The last month, itself too; by default the month that runs."),
    ] = None,
    form: FormatQuery = Format.JSON,
) -> RollForwardOut | Answer:
    """The points that members had at the begin of each month, those that came and went in it, and those that they had at its end.

    A month is one of the programme's zone. What falls due at the midnight between two months belongs to the one that ends. Facts count
    in the month in which they were booked, expiries in that in which they fell due. The books balance by construction, and each
    closing balance is `net_points` of the liability at `ends_at`.
    """
    now = context.clock.now()
    programme = await programme_or_default(read, context)
    present = first_day(now, programme.zone_info)
    until = present if last is None else _month(last)
    since = later(until, 1 - MONTHS_DEFAULT) if first is None else _month(first)
    if not 0 <= months_between(since, until) < MONTHS_MAX or until > present:
        raise PeriodRefused
    rolled = await find_roll_forward(read, programme, since, until, now)
    if form is Format.CSV:
        return file("roll-forward.csv", COLUMNS, (_row(programme, month) for month in rolled))
    return RollForwardOut(
        programme=programme.code,
        currency=programme.currency,
        months=[_month_out(month) for month in rolled],
    )


def _month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def _month_out(month: MonthRolled) -> MonthOut:
    rolled = month.rolled
    return MonthOut(
        month=f"{month.month.first:%Y-%m}",
        ends_at=month.until,
        is_closed=month.is_closed,
        opening=rolled.opening,
        issued=rolled.issued,
        returned=rolled.returned,
        redeemed=rolled.redeemed,
        expired=rolled.expired,
        reversed=rolled.reversed,
        adjusted=rolled.adjusted,
        imported=rolled.imported,
        closing=rolled.closing,
        closing_value_minor=month.closing_value_minor,
    )


def _row(programme: Programme, month: MonthRolled) -> Sequence[Cell]:
    return (
        *(programme.code, programme.currency, f"{month.month.first:%Y-%m}", csv_text.instant(month.until)),
        "true" if month.is_closed else "false",
        *(getattr(month.rolled, name) for name in FIGURES),
        month.closing_value_minor,
    )
