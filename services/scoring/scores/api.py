"""The operations on the scores of one customer."""

from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from typing_extensions import TypeAliasType

from services.scoring.facts.domain.facts import Cut
from services.scoring.facts.queries.applied import is_applied
from services.scoring.facts.refusals import ZoneChanged
from services.scoring.models.domain.kinds.rfm import Segment
from services.scoring.models.domain.models import Confidence, InForce, SpendNote
from services.scoring.scores.domain import answers
from services.scoring.scores.domain.answers import RepurchaseNote, SpendReason
from services.scoring.scores.queries.scores import Scores, scores_of
from services.scoring.scores.refusals import UnknownCustomer
from services.scoring.settings import Settings
from shared.catalogues import Sentence, field_sentence
from shared.http.auth import OPERATORS, allow
from shared.http.awaiting import AfterOut, after_query, awaited
from shared.http.customers import CustomerId
from shared.http.dependencies import InContext, Reading, Running
from shared.http.models import DateIn, InstantIn, Response, example, refused
from shared.http.routes import Router
from shared.limits import INSTANT_MAX, INSTANT_MIN
from shared.local_time import local_day

DAY_CHARACTERS = 10


class ModelUsed(Response):
    """The version of a model that answered."""

    version: int = Field(description="0 is the one that is shipped.")
    until: date | None = Field(description="The last day of the data it was fitted to; null for version 0.")
    look_ahead: bool = Field(
        description="It was fitted to later data than was asked about, for want of an earlier fit."
    )


class OtherCurrencyOut(Response):
    """Purchases in a currency that is not the customer's main one. Money is never converted."""

    currency: str
    days: int
    net_minor: int


ScoreConfidence = TypeAliasType(
    "ScoreConfidence",
    Annotated[Confidence, Field(description="How much the data behind a score allow to say.")],
)
RepurchaseRemark = TypeAliasType(
    "RepurchaseRemark",
    Annotated[
        RepurchaseNote,
        Field(
            description="`no_repeat_yet`: p_alive is 1 by definition until there is a repeat purchase. `no_dropout_seen`: the shop's data do not show that anybody leaves, so the model has no dropout and p_alive is 1 for everybody. Neither says that the customer will come back: read `expected_purchases_90d`."
        ),
    ],
)
SpendRemark = TypeAliasType(
    "SpendRemark",
    Annotated[
        SpendNote,
        Field(
            description="`spends_left_out`: a few customers spend so much more, or less, than all others that the model leaves them out. `mean_observed`: the shop's data settle no mean of the model, so it has the mean of the customers."
        ),
    ],
)
SpendMissing = TypeAliasType(
    "SpendMissing", Annotated[SpendReason, Field(description="The reason why there is no expected spend.")]
)


class RfmScoresOut(Response):
    """Recency, frequency and money, their scores of 1 to 5, and what people call the combination."""

    recency_days: int
    frequency: int
    monetary_minor: int = Field(description="Net of returns, in `currency`, the customer's main one.")
    currency: str = Field(
        description="The one with most purchase days; of several with as many, the first in the alphabet."
    )
    other_currencies: list[OtherCurrencyOut]
    r: int
    f: int
    m: int | None = Field(description="Null where the currency has no cut points.")
    segment: Segment = Field(
        description="By days and number of purchases alone; it does not look at `p_alive`."
    )
    model: ModelUsed
    confidence: ScoreConfidence


class BgNbdScoresOut(Response):
    """BG/NBD: is the customer still alive, and how many purchase days are to come."""

    p_alive: float = Field(
        description="1 by definition where there is a `note`, also beside the segment `lost`."
    )
    expected_purchases_90d: float
    x: int = Field(description="Repeat purchase days.")
    t_x_weeks: float = Field(description="Weeks from the first to the last purchase day.")
    T_weeks: float = Field(description="Weeks from the first purchase day to `as_of`.")
    note: RepurchaseRemark | None
    model: ModelUsed
    confidence: ScoreConfidence


class GammaGammaScoresOut(Response):
    """Gamma-Gamma: what a purchase day will bring."""

    expected_spend_minor: int | None
    currency: str
    reason: SpendMissing | None
    note: SpendRemark | None
    model: ModelUsed | None


class ScoresOut(Response):
    """Everything that is computed about one customer, as of one moment."""

    model_config = example(
        customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8",
        as_of="1997-09-30",
        n=3,
        reason=None,
        rfm={
            "recency_days": 60, "frequency": 3, "monetary_minor": 7714, "currency": "USD", "other_currencies": [],
            "r": 5, "f": 3, "m": 4, "segment": "potential_loyal",
            "model": {"version": 1, "until": "1997-09-30", "look_ahead": False}, "confidence": "high",
        },
        bg_nbd={
            "p_alive": 0.7267, "expected_purchases_90d": 0.449, "x": 2, "t_x_weeks": 30.43, "T_weeks": 38.86,
            "note": None, "model": {"version": 1, "until": "1997-09-30", "look_ahead": False}, "confidence": "high",
        },
        gamma_gamma={
            "expected_spend_minor": 2465, "currency": "USD", "reason": None, "note": None,
            "model": {"version": 1, "until": "1997-09-30", "look_ahead": False},
        },
        after=None,
    )  # fmt: skip

    customer_id: str = Field(description="The customer the id belongs to now.")
    as_of: datetime | date = Field(description="As asked; a day means its end in the shop's zone.")
    n: int = Field(description="Purchases with a unit not returned, up to `as_of`: what the answers rest on.")
    reason: Literal["no_purchases"] | None = Field(description="Why the scores are null, where they are.")
    rfm: RfmScoresOut | None
    bg_nbd: BgNbdScoresOut | None
    gamma_gamma: GammaGammaScoresOut | None
    after: AfterOut | None = Field(default=None, description="Null unless `after` was asked for.")


_AS_OF_OUT_OF_RANGE = field_sentence(__name__, "as_of_out_of_range")
_DAY: TypeAdapter[date] = TypeAdapter(DateIn)
_INSTANT: TypeAdapter[datetime] = TypeAdapter(InstantIn)


def _day_or_instant(value: object) -> object:
    parser = _DAY if isinstance(value, str) and len(value) == DAY_CHARACTERS else _INSTANT
    try:
        return _in_range(parser.validate_python(value))
    except ValidationError as error:
        raise refused(Sentence(**error.errors()[0]["ctx"])) from None


def _in_range(asked: date | datetime) -> date | datetime:
    if not INSTANT_MIN.year <= asked.year < INSTANT_MAX.year:
        raise refused(_AS_OF_OUT_OF_RANGE)
    return asked


AsOf = Annotated[
    datetime | date | None,
    BeforeValidator(_day_or_instant),
    Query(
        description="A day (`1997-09-30`, through its end in the shop's zone) or an instant with its offset. "
        "From 1900 to 2199. Default: now. Facts known today are used, restated to then.",
        examples=["1997-09-30"],
    ),
]

router = Router(tags=["scores"])


@router.get(
    "/v1/customers/{customer_id}/scores",
    operation_id="get_scores",
    summary="Get a customer's scores",
    allow=allow(OPERATORS),
    errors=(UnknownCustomer, ZoneChanged),
    computed_at="as_of",
)
async def get_scores(
    read: Reading,
    running: Running,
    context: InContext[Settings],
    customer_id: CustomerId,
    as_of: AsOf = None,
    after: Annotated[str | None, after_query("pur", "ret")] = None,
) -> ScoresOut:
    """Compute RFM with its segment, BG/NBD and Gamma-Gamma for one customer, as of any moment. Nothing is stored."""
    awaited_fact = await awaited(running.database, is_applied, customer_id, after)
    scores = await scores_of(read, context, customer_id, _cut(as_of, context.settings.time_zone))
    return ScoresOut(
        customer_id=scores.customer_id,
        as_of=as_of or scores.cut.instant or scores.cut.day,
        n=scores.state.purchases,
        reason=None if scores.state.purchases else "no_purchases",
        rfm=_rfm(scores),
        bg_nbd=_bg_nbd(scores),
        gamma_gamma=_gamma_gamma(scores),
        after=awaited_fact,
    )


def _cut(as_of: date | datetime | None, zone: ZoneInfo) -> Cut | None:
    if isinstance(as_of, datetime):
        return Cut(local_day(as_of, zone), as_of)
    return None if as_of is None else Cut(as_of)


def _used(used: InForce) -> ModelUsed:
    return ModelUsed(version=used.model.version, until=used.model.until, look_ahead=used.look_ahead)


def _rfm(scores: Scores) -> RfmScoresOut | None:
    score = scores.rfm
    if score is None:
        return None
    return RfmScoresOut(
        recency_days=score.recency_days,
        frequency=score.frequency,
        monetary_minor=score.monetary_minor,
        currency=score.currency,
        other_currencies=[
            OtherCurrencyOut(currency=rest.currency, days=rest.days, net_minor=rest.net_minor)
            for rest in scores.state.other_currencies
        ],
        r=score.r,
        f=score.f,
        m=score.m,
        segment=score.segment,
        model=_used(scores.rfm_model),
        confidence=answers.confidence_of(scores.rfm_model, scores.state),
    )


def _bg_nbd(scores: Scores) -> BgNbdScoresOut | None:
    answer = scores.repurchase
    if answer is None:
        return None
    return BgNbdScoresOut(
        p_alive=answer.p_alive,
        expected_purchases_90d=answer.expected_purchases,
        x=answer.customer.x,
        t_x_weeks=answer.customer.t_x,
        T_weeks=answer.customer.T,
        note=answers.note_of(answer, scores.repurchase_model),
        model=_used(scores.repurchase_model),
        confidence=answers.confidence_of(scores.repurchase_model, scores.state),
    )


def _gamma_gamma(scores: Scores) -> GammaGammaScoresOut | None:
    answer = scores.spend
    if answer is None:
        return None
    return GammaGammaScoresOut(
        expected_spend_minor=answer.amount_minor,
        currency=answer.currency,
        reason=answer.reason,
        note=answers.spend_note_of(answer, scores.spend_model),
        model=_used(scores.spend_model) if scores.spend_model else None,
    )
