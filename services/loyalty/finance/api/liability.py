"""The liability: the points that all members have, and their value."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import Query
from fastapi import Response as Answer
from pydantic import AfterValidator, Field

from services.loyalty.finance.api.formats import Format, FormatQuery, described, file
from services.loyalty.finance.domain.liability import Bucket, Liability, Outstanding
from services.loyalty.finance.queries.closing import is_final
from services.loyalty.finance.queries.find_liability import find_liability
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.settings import Settings
from services.loyalty.statements.refusals import AheadOfTime
from shared import csv_text
from shared.auth.access import allow
from shared.catalogues import field_sentence
from shared.csv_text import Cell
from shared.http.dependencies import InContext, Reading
from shared.http.models import InstantIn, Response, example, refused
from shared.http.routes import Router
from shared.limits import INSTANT_MIN

router = Router(tags=["finance"])

COLUMNS = (
    *("as_of", "programme", "currency", "part", "from_months", "until_months"),
    *("pending", "active", "held", "points", "value_minor"),
)
_OUT_OF_RANGE = field_sentence(__name__, "at_out_of_range")


def _not_too_early(at: datetime) -> datetime:
    """Refuse an instant that no part of the product can store."""
    if at < INSTANT_MIN:
        raise refused(_OUT_OF_RANGE)
    return at


class PointsValueOut(Response):
    """The worth of points: so many `points` are `amount_minor` in the programme's currency."""

    points: int
    amount_minor: int


class OutstandingOut(Response):
    """Points that members have: to be earned yet, to be spent, and held for a cart."""

    pending: int
    active: int
    held: int
    points: int = Field(description="All three together.")
    value_minor: int | None = Field(
        description="What the points are worth, rounded down to a minor unit for all points together. The buckets share that without "
        "a rest. Null if the programme does not say what points are worth."
    )


class LiabilityBucketOut(OutstandingOut):
    """Points of one age, or with one time to live, in calendar months of the programme's zone."""

    from_months: int | None = Field(description="From so many months on. Null: the points do not expire.")
    until_months: int | None = Field(description="Below so many months. Null: there is no end.")


class ExperienceOut(Response):
    """The experience behind an estimate: what became of points that can expire, in the months that are closed."""

    months: int
    redeemed_points: int
    expired_points: int


class BreakageOut(Response):
    """Points that nobody is expected to redeem."""

    expected_points: int | None = Field(
        description="Points that will expire, estimated by age from what became of the points before them and rounded down. Null "
        "while there is too little to rest on: twelve closed months, and a thousand points that expired in them."
    )
    erased_points: int = Field(description="Points of erased customers, which nobody can redeem.")
    rests_on: ExperienceOut


class LiabilityOut(Response):
    """The points that all members have at an instant, and their value."""

    model_config = example(
        as_of="2026-04-01T00:00:00+08:00", is_final=True, programme="default", currency="CNY",
        points_value={"points": 100, "amount_minor": 100},
        total={"pending": 500, "active": 12_000, "held": 0, "points": 12_500, "value_minor": 12_500},
        owed_points=40, net_points=12_460,
        by_age=[{"pending": 500, "active": 12_000, "held": 0, "points": 12_500, "value_minor": 12_500, "from_months": 0,
                 "until_months": 1}],
        by_expiry=[{"pending": 500, "active": 12_000, "held": 0, "points": 12_500, "value_minor": 12_500, "from_months": 6,
                    "until_months": 12}],
        breakage={"expected_points": 2_500, "erased_points": 0,
                  "rests_on": {"months": 14, "redeemed_points": 40_000, "expired_points": 10_000}},
        deferred_revenue_minor=10_000,
    )  # fmt: skip

    as_of: datetime
    is_final: bool = Field(
        description="Whether these figures can change no more. Those of the last hour can, because transactions may be open."
    )
    programme: str
    currency: str
    points_value: PointsValueOut | None = Field(
        description="What points are worth; null: the programme does not say."
    )
    total: OutstandingOut
    owed_points: int = Field(
        description="Points that members owe, because a return took back what they had spent."
    )
    net_points: int = Field(
        description="All points less what is owed: the closing balance of the roll-forward."
    )
    by_age: list[LiabilityBucketOut] = Field(
        description="By the calendar months since the points were earned; 0 is the month of `as_of`."
    )
    by_expiry: list[LiabilityBucketOut] = Field(
        description="By the calendar months that the points have left."
    )
    breakage: BreakageOut
    deferred_revenue_minor: int | None = Field(
        description="What the points that are expected to be redeemed are worth, rounded down: the stand-alone value of what is owed to "
        "customers (IFRS 15 B39-B43, ASC 606-10-55-41 to 45). While breakage is not estimated only points of erased customers are "
        "taken off. Null if the programme does not say what points are worth."
    )


@router.get(
    "/v1/finance/liability",
    operation_id="get_liability",
    summary="Get the liability of points",
    allow=allow({"analyst", "manager", "admin"}),
    errors=(AheadOfTime,),
    response_model=LiabilityOut,
    responses=described(COLUMNS, "2026-04-01T00:00:00Z,default,CNY,total,,,500,12000,0,12500,12500"),
)
async def get_liability(
    read: Reading,
    context: InContext[Settings],
    as_of: Annotated[
        InstantIn | None,
        AfterValidator(lambda at: at if at is None else _not_too_early(at)),
        Query(
            description="As the books stood at this moment, with all that had fallen due by then; by default now. A month ends with the first "
            "instant of the next one."
        ),
    ] = None,
    form: FormatQuery = Format.JSON,
) -> LiabilityOut | Answer:
    """The points that members have, by age and by time to live, their value, and what of it is expected to lapse.

    The figures are those of the ledger, to the point, at any moment. `format=csv` answers a row per bucket (`part` is `total`, `age`,
    `expiry` or `no_expiry`), and the rows `owed`, `net`, `expected_breakage`, `erased` and `deferred_revenue`.
    """
    now = context.clock.now()
    at = now if as_of is None else as_of
    if at > now:
        raise AheadOfTime
    programme = await programme_or_default(read, context)
    found = await find_liability(read, programme, at)
    if form is Format.CSV:
        return file("liability.csv", COLUMNS, _rows(programme, at, found))
    value = programme.at(at).points_value
    return LiabilityOut(
        as_of=at,
        is_final=is_final(at, now),
        programme=programme.code,
        currency=programme.currency,
        points_value=None
        if value is None
        else PointsValueOut(points=value.points, amount_minor=value.amount_minor),
        total=_outstanding(found.total),
        owed_points=found.owed,
        net_points=found.net,
        by_age=_buckets(found.by_age),
        by_expiry=_buckets(found.by_expiry),
        breakage=BreakageOut(
            expected_points=found.breakage.expected,
            erased_points=found.erased,
            rests_on=ExperienceOut(
                months=found.breakage.rests_on.months,
                redeemed_points=found.breakage.rests_on.redeemed,
                expired_points=found.breakage.rests_on.expired,
            ),
        ),
        deferred_revenue_minor=found.deferred_revenue_minor,
    )


def _outstanding(outstanding: Outstanding) -> OutstandingOut:
    return OutstandingOut(
        pending=outstanding.pending,
        active=outstanding.active,
        held=outstanding.held,
        points=outstanding.points,
        value_minor=outstanding.value_minor,
    )


def _buckets(buckets: Sequence[Bucket]) -> list[LiabilityBucketOut]:
    return [
        LiabilityBucketOut(
            pending=bucket.outstanding.pending,
            active=bucket.outstanding.active,
            held=bucket.outstanding.held,
            points=bucket.outstanding.points,
            value_minor=bucket.outstanding.value_minor,
            from_months=bucket.from_months,
            until_months=bucket.until_months,
        )
        for bucket in buckets
    ]


def _rows(programme: Programme, at: datetime, found: Liability) -> Iterator[Sequence[Cell]]:
    head = csv_text.instant(at), programme.code, programme.currency

    def row(part: str, outstanding: Outstanding, bounds: Sequence[Cell] = (None, None)) -> Sequence[Cell]:
        points = outstanding.pending, outstanding.active, outstanding.held, outstanding.points
        return *head, part, *bounds, *points, outstanding.value_minor

    def single(part: str, points: int | None, value: int | None = None) -> Sequence[Cell]:
        return *head, part, None, None, None, None, None, points, value

    yield row("total", found.total)
    for part, buckets in (("age", found.by_age), ("expiry", found.by_expiry)):
        for bucket in buckets:
            bounds = bucket.from_months, bucket.until_months
            yield row("no_expiry" if bounds[0] is None else part, bucket.outstanding, bounds)
    yield single("owed", found.owed)
    yield single("net", found.net)
    yield single("expected_breakage", found.breakage.expected)
    yield single("erased", found.erased)
    yield single("deferred_revenue", None, found.deferred_revenue_minor)
