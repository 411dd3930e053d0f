"""The document of a coupon: which promotions its codes unlock, when, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field

from services.loyalty.coupons.domain import codes
from services.loyalty.earning.domain import periods
from services.loyalty.earning.domain.documents import Code
from services.loyalty.earning.domain.periods import Period
from services.loyalty.ledger.domain.documents import Fault, Part, text_of
from services.loyalty.ledger.domain.programme import NAME_MAX
from shared.catalogues import field_sentence
from shared.limits import CHANNEL_MAX
from shared.local_time import day_start, local_day
from shared.spelling import addresses_a_person

USES_MAX = 1_000_000_000
CODE_USES_MAX = 1_000_000
PROMOTIONS_OF_COUPON_MAX = 20
CHANNELS_MAX = 20
REFUSAL_MAX = 200

_ENDS_FIRST = field_sentence(__name__, "ends_before_it_begins")
_TEXT_NEEDED = field_sentence(__name__, "coupon_text_needed")
_TEXT_NOT_USED = field_sentence(__name__, "coupon_text_not_used")
_TEXT_LIKE_UNIQUE = field_sentence(__name__, "coupon_text_like_unique")
_TEXT_LENGTH = field_sentence(__name__, "coupon_text_length")
_PER_CODE_NOT_USED = field_sentence(__name__, "coupon_per_code_not_used")
_ADDRESSES_A_PERSON = field_sentence(__name__, "addresses_a_person")

_Words = Annotated[str, Field(min_length=1, max_length=REFUSAL_MAX, pattern=r"^[^\x00-\x1f\x7f]+$")]
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX, pattern=r"^[^\x00-\x1f\x7f]+$")]


class CouponKind(StrEnum):
    """The kind of a coupon. `unique`: each code is used a few times, by default once. `generic`: one code for everybody, such as SPRING10."""

    UNIQUE = "unique"
    GENERIC = "generic"


class GivesBack(StrEnum):
    """The moment at which a used code can be used again. `all_returned`: when all units of its order were returned. `never`."""

    ALL_RETURNED = "all_returned"
    NEVER = "never"


class UsesOfMember(Part):
    """The most uses that one member has in each period of the programme's zone."""

    uses: Annotated[int, Field(ge=1, le=CODE_USES_MAX)]
    period: Annotated[Period, Field(description="By default one period that never ends.")] = Period.LIFETIME

    def since(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """Return when the period began that an instant lies in; None: it has no begin."""
        if self.period is Period.LIFETIME:
            return None
        return day_start(periods.first_day(self.period, local_day(at, zone)), zone)


class CouponLimits(Part):
    """It says how often the codes of a coupon can be used. What is held for a checkout counts."""

    uses: Annotated[
        Annotated[int, Field(ge=1, le=USES_MAX)] | None,
        Field(description="By all members together, over all codes. Null: without a limit."),
    ] = None
    per_code: Annotated[
        Annotated[int, Field(ge=1, le=CODE_USES_MAX)] | None,
        Field(
            description="For each unique code, by default once. It holds for codes that are made from then on."
        ),
    ] = None
    member: Annotated[
        UsesOfMember | None,
        Field(description="By one member. Null: without a limit, also for carts without a member."),
    ] = None
    channels: Annotated[
        dict[
            Annotated[str, Field(min_length=1, max_length=CHANNEL_MAX, pattern=r"^[a-z0-9][a-z0-9_.-]*$")],
            Annotated[int, Field(ge=1, le=USES_MAX)],
        ],
        Field(
            max_length=CHANNELS_MAX,
            description="In a channel, by all members together, counted from when the limit is first stated.",
        ),
    ] = {}


class CouponDocument(Part):
    """A document says what one version of a coupon promises."""

    name_en: Name
    name_zh: Name
    kind: CouponKind = Field(strict=False)
    text: Annotated[
        Annotated[
            str, Field(min_length=codes.TEXT_MIN, max_length=codes.TEXT_MAX, pattern=r"^[A-Za-z0-9-]+$")
        ]
        | None,
        Field(
            description="The code of a generic coupon, as people type it. Everybody may know it. It never changes."
        ),
    ] = None
    promotions: Annotated[
        tuple[Code, ...],
        Field(
            min_length=1,
            max_length=PROMOTIONS_OF_COUPON_MAX,
            description="The promotions of the rulebook that a code unlocks. They say `needs: coupon`.",
        ),
    ]
    valid_from: Annotated[
        AwareDatetime | None, Field(description="Codes can be used from this instant on. Null: at once.")
    ] = None
    valid_until: Annotated[
        AwareDatetime | None, Field(description="Codes can be used before this instant. Null: for ever.")
    ] = None
    limits: CouponLimits = CouponLimits()
    gives_back: Annotated[
        GivesBack,
        Field(
            strict=False,
            description="Whether a used code can be used again when all units of its order were returned.",
        ),
    ] = GivesBack.ALL_RETURNED
    refused_en: Annotated[
        _Words | None, Field(description="The shop's own words for a customer whose code is refused.")
    ] = None
    refused_zh: _Words | None = None

    @property
    def uses_per_code(self) -> int:
        """Return how often one unique code can be used."""
        return self.limits.per_code or 1

    def is_early(self, at: datetime) -> bool:
        """Return whether its codes cannot be used yet."""
        return self.valid_from is not None and at < self.valid_from

    def is_late(self, at: datetime) -> bool:
        """Return whether its codes can no longer be used."""
        return self.valid_until is not None and self.valid_until <= at


def faults(document: CouponDocument) -> Iterator[Fault]:
    """Yield what in a document contradicts itself."""
    begin, end = document.valid_from, document.valid_until
    if begin is not None and end is not None and end <= begin:
        yield Fault(("valid_until",), _ENDS_FIRST)
    if document.kind is CouponKind.UNIQUE:
        if document.text is not None:
            yield Fault(("text",), _TEXT_NOT_USED)
        return
    if document.limits.per_code is not None:
        yield Fault(("limits", "per_code"), _PER_CODE_NOT_USED)
    if document.text is None:
        yield Fault(("text",), _TEXT_NEEDED)
        return
    text = codes.spelled(document.text)
    if codes.is_shaped(text):
        yield Fault(("text",), _TEXT_LIKE_UNIQUE)
    elif len(text) < codes.TEXT_MIN:
        yield Fault(("text",), _TEXT_LENGTH)
    elif addresses_a_person(document.text):
        yield Fault(("text",), _ADDRESSES_A_PERSON)


def parse(text: str) -> CouponDocument:
    """Return a stored document."""
    return CouponDocument.model_validate_json(text)


def canonical(document: CouponDocument) -> str:
    """Return a document as the text that is stored: names sorted, no blanks, and nothing that is null."""
    return text_of(document.model_dump(mode="json", exclude_none=True))
