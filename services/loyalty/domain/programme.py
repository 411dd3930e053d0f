"""The programme: zone, currency, tiers and rulebooks as one versioned document."""

from bisect import bisect_right
from datetime import datetime
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.loyalty.domain.facts import Purchase
from services.loyalty.domain.rules import PointsPerAmount, Rule
from services.loyalty.domain.rules.grants import Grant, Nothing
from shared import money

TIERS_MAX = 20
RULES_MAX = 200
RULEBOOKS_MAX = 1_000


class Document(BaseModel):
    """A frozen part of a programme; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tier(Document):
    """A level, from `from_spend` whole units of the programme's currency in the trailing window."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    name_en: str
    name_zh: str
    from_spend: Annotated[int, Field(ge=0)]


class Rulebook(Document):
    """The rules in force from an instant on (None: from the beginning of time), until the next rulebook."""

    version: Annotated[int, Field(ge=1)]
    in_force_from: AwareDatetime | None
    rules: Annotated[tuple[Rule, ...], Field(max_length=RULES_MAX)]

    def answers(self, purchase: Purchase, zone: ZoneInfo) -> list[Grant | Nothing]:
        """What each rule says about a purchase."""
        return [rule.answer(purchase, zone) for rule in self.rules]


class Programme(Document):
    """Everything the ledger decides by. Months and days are those of `zone`."""

    code: str
    zone: str
    currency: str
    enrolment: Literal["automatic"] = "automatic"
    remedy_points_max: Annotated[int, Field(ge=0)]
    window_months: Annotated[int, Field(ge=1, le=60)] = 12
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=TIERS_MAX)]
    rulebooks: Annotated[tuple[Rulebook, ...], Field(min_length=1, max_length=RULEBOOKS_MAX)]

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        money.exponent(self.currency)
        ZoneInfo(self.zone)
        thresholds = [tier.from_spend for tier in self.tiers]
        if thresholds[0] != 0 or thresholds != sorted(set(thresholds)):
            raise ValueError("tiers begin at 0 and rise")
        if self.rulebooks[0].in_force_from is not None:
            raise ValueError("the first rulebook is in force from the beginning")
        for earlier, later in pairwise(self.rulebooks):
            begins = later.in_force_from
            is_later = begins is not None and (
                earlier.in_force_from is None or earlier.in_force_from < begins
            )
            if not is_later or later.version <= earlier.version:
                raise ValueError("rulebooks follow each other in time and version")
        return self

    @cached_property
    def zone_info(self) -> ZoneInfo:
        """The zone, loaded."""
        return ZoneInfo(self.zone)

    def rulebook_at(self, instant: datetime) -> Rulebook:
        """The rulebook in force at an instant of effective time."""
        in_force = self.rulebooks[0]
        for rulebook in self.rulebooks[1:]:
            if rulebook.in_force_from is not None and rulebook.in_force_from <= instant:
                in_force = rulebook
        return in_force

    def level_of(self, spend_minor: int) -> int:
        """The index of the tier that a spend (minor units of the programme's currency) reaches; 0 is the lowest."""
        # a late return may leave the window negative; that is the lowest level
        return max(bisect_right(self._thresholds_minor, spend_minor) - 1, 0)

    @cached_property
    def _thresholds_minor(self) -> list[int]:
        unit = 10 ** money.exponent(self.currency)
        return [tier.from_spend * unit for tier in self.tiers]


def default_programme(currency: str, zone: str) -> Programme:
    """One point a whole unit of money, no expiry, three tiers, everyone a member."""
    return Programme(
        code="default",
        zone=zone,
        currency=currency,
        remedy_points_max=10_000,
        tiers=(
            Tier(code="member", name_en="Member", name_zh="会员", from_spend=0),
            Tier(code="silver", name_en="Silver", name_zh="银卡会员", from_spend=1_000),
            Tier(code="gold", name_en="Gold", name_zh="金卡会员", from_spend=5_000),
        ),
        rulebooks=(
            Rulebook(
                version=1, in_force_from=None, rules=(PointsPerAmount(code="base", rates={currency: 1}),)
            ),
        ),
    )


@lru_cache(maxsize=64)
def parse(document: str) -> Programme:
    """The programme a stored document describes; parsed once."""
    return Programme.model_validate_json(document)
