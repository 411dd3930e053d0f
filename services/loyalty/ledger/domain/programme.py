"""The programme: its zone, currency and tiers, as one versioned document."""

from bisect import bisect_right
from functools import cached_property, lru_cache
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared import money
from shared.limits import REMEDY_POINTS_MAX

TIERS_MAX = 20
PROGRAMME = 1
"""The id of the one programme so far."""


class Document(BaseModel):
    """A frozen part of what a programme promises; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tier(Document):
    """A level, from `from_spend` whole units of the programme's currency in the trailing window."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    name_en: str
    name_zh: str
    from_spend: Annotated[int, Field(ge=0)]


class PointsValue(Document):
    """The value of points: `points` of them are worth `amount_minor` in the programme's currency."""

    points: Annotated[int, Field(ge=1, le=1_000_000)]
    amount_minor: Annotated[int, Field(ge=1, le=1_000_000_000)]

    def of(self, points: int) -> int:
        """Return what so many points are worth in minor units, rounded down; nothing if the member owes points."""
        return points * self.amount_minor // self.points if points > 0 else 0


class Programme(Document):
    """Everything that the members were promised, but the rules by which they earn. Months and days are those of `zone`."""

    code: str
    zone: str
    currency: str
    enrolment: Literal["automatic"] = "automatic"
    remedy_points_max: Annotated[int, Field(ge=0)]
    """Points of one remedy that are paid. Feedback knows who may grant how much; this holds whoever granted."""
    window_months: Annotated[int, Field(ge=1, le=60)] = 12
    points_value: PointsValue | None = None
    """The value of points. None: the programme does not say."""
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=TIERS_MAX)]

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        money.exponent(self.currency)
        ZoneInfo(self.zone)
        thresholds = [tier.from_spend for tier in self.tiers]
        if thresholds[0] != 0 or thresholds != sorted(set(thresholds)):
            raise ValueError("tiers begin at 0 and rise")
        return self

    @cached_property
    def zone_info(self) -> ZoneInfo:
        """Return the zone as an object."""
        return ZoneInfo(self.zone)

    def level_of(self, spend_minor: int) -> int:
        """Return the index of the tier that a spend (minor units of the programme's currency) reaches; 0 is the lowest."""
        # A late return may leave the window negative: that is the lowest level.
        return max(bisect_right(self._thresholds_minor, spend_minor) - 1, 0)

    @cached_property
    def _thresholds_minor(self) -> list[int]:
        unit = 10 ** money.exponent(self.currency)
        return [tier.from_spend * unit for tier in self.tiers]


def default_programme(currency: str, zone: str) -> Programme:
    """Return the programme of a new installation: three tiers, and every customer is a member."""
    return Programme(
        code="default",
        zone=zone,
        currency=currency,
        remedy_points_max=REMEDY_POINTS_MAX,
        tiers=(
            Tier(code="member", name_en="Member", name_zh="会员", from_spend=0),
            Tier(code="silver", name_en="Silver", name_zh="银卡会员", from_spend=1_000),
            Tier(code="gold", name_en="Gold", name_zh="金卡会员", from_spend=5_000),
        ),
    )


@lru_cache(maxsize=64)
def parse(document: str) -> Programme:
    """Return the programme that a stored document describes; the same document is parsed once."""
    return Programme.model_validate_json(document)
