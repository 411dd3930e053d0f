"""The programme: what the members are promised, version by version, but for the rules by which they earn.

A version is a document that is in force from an instant of effective time on. What was booked before keeps what it got; the
tier at an instant is by the version in force at that instant (docs/rules/programme.md).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from services.loyalty.ledger.domain import calendar
from services.loyalty.ledger.domain.calendar import CalendarPeriod
from services.loyalty.ledger.domain.documents import Part, text_of
from services.loyalty.ledger.domain.qualification import ROLLING_SPEND, Qualification, TierMetric
from shared import money
from shared.limits import CODE_MAX, REMEDY_POINTS_MAX

TIERS_MAX = 20
TIER_SPEND_MAX = 1_000_000_000
TIER_COUNT_MAX = 1_000_000
NAME_MAX = 100
LEADS_MAX = 5
LEAD_DAYS_MAX = 366
PROGRAMME = 1
"""The id of the one programme so far."""
CODE = "default"
"""The code of the one programme so far."""
SYSTEM = "system"
"""The publisher of the programme of a new installation."""
THE_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)

PointsOfOne = Annotated[int, Field(ge=1, le=1_000_000_000)]


class TierTerms(Part):
    """A level, from `from_spend` whole units of the programme's currency in the window, or from `from_count` orders or days."""

    code: Annotated[
        str,
        Field(
            max_length=CODE_MAX,
            pattern=r"^[a-z][a-z0-9_]{0,31}$",
            description="Kept from version to version.",
        ),
    ]
    name_en: Annotated[str, Field(min_length=1, max_length=NAME_MAX, pattern=r"^[^\x00-\x1f\x7f]+$")]
    name_zh: Annotated[str, Field(min_length=1, max_length=NAME_MAX, pattern=r"^[^\x00-\x1f\x7f]+$")]
    from_spend: Annotated[
        int,
        Field(
            ge=0,
            le=TIER_SPEND_MAX,
            description="Whole units of the programme's currency in the window. 0 if orders or days are counted.",
        ),
    ] = 0
    from_count: Annotated[
        int | None,
        Field(
            ge=0,
            le=TIER_COUNT_MAX,
            description="Orders or active days in the window, where the qualification counts these. Null: it counts spend.",
        ),
    ] = None


class PointsWorth(Part):
    """The worth of points: so many `points` are `amount_minor` in minor units of the programme's currency."""

    points: Annotated[int, Field(ge=1, le=1_000_000)]
    amount_minor: Annotated[int, Field(ge=1, le=1_000_000_000)]

    def of(self, points: int) -> int:
        """Return what so many points are worth in minor units, rounded down; nothing if the member owes points."""
        return points * self.amount_minor // self.points if points > 0 else 0


class Expiry(Part):
    """When points expire whose rule does not say: so many months after they were earned, or at the end of a period then."""

    months: Annotated[int, Field(ge=0, le=240, description="Calendar months after the points were earned.")]
    until_end_of: Annotated[
        CalendarPeriod | None,
        Field(
            description="Then the points live until the end of this calendar period. Null: they expire at once."
        ),
    ] = None
    slides: Annotated[
        bool | None,
        Field(
            description="True: the months begin anew whenever the member earns or spends points. Such points live until the end of a period, by default of a day. Null: they do not."
        ),
    ] = None

    def after(self, at: datetime, zone: ZoneInfo) -> datetime:
        """Return the instant at which points expire whose months begin at `at`."""
        ends, period = calendar.plus_months(at, self.months, zone), self.until_end_of
        if self.slides and period is None:  # so a lot moves at most once on a day
            period = CalendarPeriod.DAY
        return ends if period is None else calendar.period_end(ends, period, zone)


class TransferLimits(Part):
    """The limits within which members may give points to each other. Days and months are of the programme's calendar."""

    points_min: Annotated[
        PointsOfOne | None, Field(description="The fewest points of one transfer. Null: one.")
    ] = None
    points_max: Annotated[
        PointsOfOne | None, Field(description="The most points of one transfer. Null: all that a member has.")
    ] = None
    day_points_max: Annotated[
        PointsOfOne | None,
        Field(description="The most points that a member gives on one day. Null: no limit."),
    ] = None
    month_points_max: Annotated[
        PointsOfOne | None,
        Field(description="The most points that a member gives in one month. Null: no limit."),
    ] = None


class Notices(Part):
    """The things that other services are told ahead, so that they can tell the members."""

    points_expiring_days: Annotated[
        tuple[Annotated[int, Field(ge=1, le=LEAD_DAYS_MAX)], ...],
        Field(
            max_length=LEADS_MAX,
            description="Points that will expire are told so many calendar days ahead, once for each of these lead times.",
        ),
    ] = ()


class ProgrammeDocument(Part):
    """A document says what one version promises. Months and days are those of `zone`."""

    zone: Annotated[
        str, Field(max_length=64, description="The IANA time zone of its days, months and periods.")
    ]
    currency: Annotated[str, Field(max_length=3, description="ISO 4217.")]
    enrolment: Annotated[Literal["automatic"], Field(description="How customers become members.")] = (
        "automatic"
    )
    window_months: Annotated[int, Field(ge=1, le=60, description="The months of a rolling window.")] = 12
    qualification: Annotated[
        Qualification | None,
        Field(description="What counts towards a tier, and when. Null: spend of a rolling window, at once."),
    ] = None
    tiers: Annotated[
        tuple[TierTerms, ...], Field(min_length=1, max_length=TIERS_MAX, description="From the lowest up.")
    ]
    points_value: Annotated[
        PointsWorth | None, Field(description="What points are worth. Null: the programme does not say.")
    ] = None
    expiry: Annotated[
        Expiry | None,
        Field(description="When points expire whose rule does not say. Null: never."),
    ] = None
    redemption_points_min: Annotated[
        PointsOfOne | None, Field(description="The fewest points of one redemption. Null: one.")
    ] = None
    redemption_points_max: Annotated[
        PointsOfOne | None,
        Field(description="The most points of one redemption. Null: all that a member has."),
    ] = None
    transfers: Annotated[
        TransferLimits | None,
        Field(description="Members may give points to each other within these limits. Null: they may not."),
    ] = None
    notices: Annotated[Notices | None, Field(description="What is told ahead. Null: nothing.")] = None
    remedy_points_max: Annotated[
        int,
        Field(
            ge=0,
            le=REMEDY_POINTS_MAX,
            description="The most points of one remedy that are paid, whoever granted it.",
        ),
    ]

    @cached_property
    def zone_info(self) -> ZoneInfo:
        """Return the zone as an object."""
        return ZoneInfo(self.zone)

    @property
    def qualifies_by(self) -> Qualification:
        """Return what counts towards a tier, and when."""
        return self.qualification or ROLLING_SPEND

    def level_of(self, counted: int) -> int:
        """Return the index of the tier that is reached by what was counted; 0 is the lowest.

        `counted`: spend in minor units of the programme's currency, or the number of orders or days.
        """
        # A late return may leave the window negative: that is the lowest level.
        return max(bisect_right(self._thresholds, counted) - 1, 0)

    def tier_of(self, counted: int) -> TierTerms:
        """Return the tier that is reached by what was counted."""
        return self.tiers[self.level_of(counted)]

    def threshold(self, level: int) -> int:
        """Return what has to be counted for the tier of this level: minor units, orders or days."""
        return self._thresholds[level]

    @cached_property
    def levels(self) -> dict[str, int]:
        """Return the index of each tier by its code."""
        return {tier.code: level for level, tier in enumerate(self.tiers)}

    @cached_property
    def _thresholds(self) -> list[int]:
        if self.qualifies_by.metric is TierMetric.SPEND:
            unit = 10 ** money.exponent(self.currency)
            return [tier.from_spend * unit for tier in self.tiers]
        return [tier.from_count or 0 for tier in self.tiers]


@dataclass(frozen=True, slots=True)
class ProgrammeVersion:
    """A document in force from an instant on (None: from the beginning of time), until the next version."""

    version: int
    in_force_from: datetime | None
    document: ProgrammeDocument

    @property
    def begins(self) -> datetime:
        """Return the instant from which it is in force."""
        return self.in_force_from or THE_BEGINNING


class Programme:
    """A programme: all its versions that were not withdrawn. They agree on the currency, the zone and the window."""

    def __init__(self, code: str, versions: Sequence[ProgrammeVersion]) -> None:
        """Take the versions in their order. Raises ValueError if they do not follow each other in time."""
        self.code, self.versions = code, tuple(versions)
        if not self.versions or self.versions[0].in_force_from is not None:
            raise ValueError("the first version is in force from the beginning")
        if any(
            later.version <= earlier.version or later.begins <= earlier.begins
            for earlier, later in pairwise(versions)
        ):
            raise ValueError("versions follow each other in time and number")
        first = self.versions[0].document
        self.currency, self.zone_info, self.window_months = (
            first.currency,
            first.zone_info,
            first.window_months,
        )
        self.lowest = first.tiers[0].code
        """The code of the lowest tier, the same in all versions."""
        self.slides = any(
            version.document.expiry is not None and version.document.expiry.slides for version in versions
        )
        """Whether activities of members move the expiry of points, by some version."""
        self.folds = any(version.document.qualification is not None for version in self.versions)
        """Some version counts otherwise than the spend of a rolling window: tiers are a fold over all orders."""
        self._begins = [version.begins for version in self.versions]

    def version_at(self, instant: datetime) -> ProgrammeVersion:
        """Return the version in force at an instant of effective time."""
        return self.versions[bisect_right(self._begins, instant) - 1]

    def at(self, instant: datetime) -> ProgrammeDocument:
        """Return what is promised at an instant of effective time."""
        return self.version_at(instant).document

    def begun(self, after: datetime, until: datetime) -> Sequence[ProgrammeVersion]:
        """Return the versions that came into force after an instant, and not later than another one."""
        return self.versions[bisect_right(self._begins, after) : bisect_right(self._begins, until)]

    def later(self, after: datetime) -> Sequence[ProgrammeVersion]:
        """Return the versions that come into force after an instant."""
        return self.versions[bisect_right(self._begins, after) :]

    def tier_codes(self, since: datetime) -> list[str]:
        """Return the codes of all tiers that are promised at an instant or later."""
        documents = [self.at(since), *(version.document for version in self.later(since))]
        return list(dict.fromkeys(tier.code for document in documents for tier in document.tiers))


def default_document(currency: str, zone: str) -> ProgrammeDocument:
    """Return the promises of a new installation: three tiers, and every customer is a member."""
    return ProgrammeDocument(
        zone=zone,
        currency=currency,
        remedy_points_max=REMEDY_POINTS_MAX,
        tiers=(
            TierTerms(code="member", name_en="Member", name_zh="会员", from_spend=0),
            TierTerms(code="silver", name_en="Silver", name_zh="银卡会员", from_spend=1_000),
            TierTerms(code="gold", name_en="Gold", name_zh="金卡会员", from_spend=5_000),
        ),
    )


def default_programme(currency: str, zone: str) -> Programme:
    """Return the programme of a new installation."""
    return Programme(CODE, [ProgrammeVersion(1, None, default_document(currency, zone))])


def parse_document(text: str) -> ProgrammeDocument:
    """Return a stored document."""
    return ProgrammeDocument.model_validate_json(text)


def canonical(document: ProgrammeDocument) -> str:
    """Return a document as the text that is stored: names sorted, no blanks, and nothing that is null."""
    return text_of(document.model_dump(mode="json", exclude_none=True))


def timeline_hash(versions: Sequence[tuple[int, datetime | None, bytes]]) -> bytes:
    """Return the SHA-256 of a programme's versions: number, begin and document hash of each. It tells two programmes apart."""
    lines = [
        f"{version} {'' if begins is None else begins.astimezone(UTC).isoformat()} {hashed.hex()}"
        for version, begins, hashed in versions
    ]
    return sha256("\n".join(lines).encode()).digest()
