"""What every event is made of: the base model, the field types and their limits.

An event is a fact that has happened. It carries ids, integers, codes and instants, never personal data, and every
field is bounded, so that the size of a record is bounded too (`tests/contract` computes the worst case).
Codes are open: a new cause or reason is a new value of an old field, and an old consumer has to live with it.
"""

from datetime import UTC, datetime
from typing import Annotated, ClassVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from shared.events.topic import Topic
from shared.limits import (
    BRAND_MAX,
    CATEGORY_MAX,
    CHANNEL_MAX,
    CODE_MAX,
    INSTANT_MAX,
    INSTANT_MIN,
    INT32_MAX,
    INT64_MAX,
    LINES_MAX,
    ORDER_ID_MAX,
    SKU_MAX,
    SOURCE_MAX,
    STORE_MAX,
)

RANGES_MAX = 1_000
REFERENCES_MAX = 100
TAGS_MAX = 100
HOLDS_MAX = 32
WIPED_MAX = 64
CAUSE_ID_MAX = 160

_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+$"


def _in_utc(value: datetime) -> datetime:
    """The instant in UTC, refused outside of the years every part of the system can store."""
    try:
        instant = value.astimezone(UTC)
    except OverflowError:
        instant = INSTANT_MAX
    if not INSTANT_MIN <= instant < INSTANT_MAX:
        raise ValueError("the instant must lie between the years 1900 and 2199")
    return instant


def _as_text(value: datetime) -> str:
    """Microseconds always, Z always: texts of instants sort like the instants."""
    return value.isoformat(timespec="microseconds")[:-6] + "Z"


def _id_of(prefix: str) -> StringConstraints:
    """A prefix and the 26 characters of Crockford base32 of a uuid7."""
    return StringConstraints(max_length=30, pattern=f"^{prefix}_[0-9a-hjkmnp-tv-z]{{26}}$")


Instant = Annotated[
    AwareDatetime,
    AfterValidator(_in_utc),
    PlainSerializer(_as_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]

# Code: a word of ours. Slug: a name that the merchant gives to what they configure.
Code = Annotated[str, StringConstraints(max_length=CODE_MAX, pattern=r"^[a-z][a-z0-9_]*$")]
Slug = Annotated[str, StringConstraints(max_length=CODE_MAX, pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
Currency = Annotated[str, StringConstraints(max_length=3, pattern=r"^[A-Z]{3}$")]
CauseId = Annotated[
    str, StringConstraints(max_length=CAUSE_ID_MAX, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$")
]

IdentityId = Annotated[str, _id_of("cus")]
PurchaseId = Annotated[str, _id_of("pur")]
ReturnId = Annotated[str, _id_of("ret")]
LinkId = Annotated[str, _id_of("lnk")]
ErasureId = Annotated[str, _id_of("era")]
ComplaintId = Annotated[str, _id_of("cmp")]
RemedyId = Annotated[str, _id_of("rem")]
TransactionId = Annotated[str, StringConstraints(max_length=64, pattern=r"^txn_[0-9a-z_]+$")]

Source = Annotated[str, StringConstraints(max_length=SOURCE_MAX, pattern=_PRINTABLE)]
OrderId = Annotated[str, StringConstraints(max_length=ORDER_ID_MAX, pattern=_PRINTABLE)]
Channel = Annotated[str, StringConstraints(max_length=CHANNEL_MAX, pattern=_PRINTABLE)]
Store = Annotated[str, StringConstraints(max_length=STORE_MAX, pattern=_PRINTABLE)]
Sku = Annotated[str, StringConstraints(max_length=SKU_MAX, pattern=_PRINTABLE)]
Category = Annotated[str, StringConstraints(max_length=CATEGORY_MAX, pattern=_PRINTABLE)]
Brand = Annotated[str, StringConstraints(max_length=BRAND_MAX, pattern=_PRINTABLE)]

LineNumber = Annotated[int, Field(ge=1, le=LINES_MAX)]
Quantity = Annotated[int, Field(ge=1, le=INT64_MAX)]
AmountMinor = Annotated[int, Field(ge=0, le=INT64_MAX)]
Points = Annotated[int, Field(ge=1, le=INT64_MAX)]
Count = Annotated[int, Field(ge=0, le=INT64_MAX)]
Version = Annotated[int, Field(ge=0, le=INT64_MAX)]
Ordinal = Annotated[int, Field(ge=0, le=INT32_MAX)]
Cycle = Annotated[int, Field(ge=1, le=INT32_MAX)]


class Part(BaseModel):
    """A piece of an event: frozen, exact about types, deaf to fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, use_attribute_docstrings=True)


class Cause(Part):
    """What made the fact happen: the fact, verb or clock that a person would point at."""

    kind: Code
    """Word for the sort of cause: purchase, return, redemption, adjustment, remedy, transition, link …"""
    id: CauseId
    """Id of the cause, unique within its kind."""


class Event(Part):
    """A fact that a service tells the others, about one identity.

    `type` is its name on the wire (service, past-tense fact, version), `topic` where it is published.
    """

    type: ClassVar[str]
    topic: ClassVar[Topic]

    identity_id: IdentityId
    """The immutable identity whose fact this is; the key that orders it."""
    customer_id: IdentityId
    """The owner of that identity when the fact was recorded; consumers know the owner of today themselves."""
    occurred_at: Instant
    """Effective time: when the fact happened."""
    cause: Cause
    """What made it happen."""

    @property
    def key(self) -> str:
        """The partition key: facts of one identity stay in order."""
        return self.identity_id

    @property
    def identities(self) -> tuple[str, ...]:
        """Every identity whose state the fact touches, each once; two or more make it a wave of its own."""
        return (self.identity_id,)
