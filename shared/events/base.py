"""The base model of all events, and the field types that events share.

An event is a fact that has happened. It carries ids, integers, codes and instants, never personal data, and every
field is bounded, so that the size of a record is bounded too (`tests/contract` computes the largest one).
Codes are open: a new kind of cause is a new value of an old field, and an old consumer must accept it.
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
    NEW_PARTNER_ID,
    ORDER_ID_MAX,
    PARTNER_ID,
    SKU_MAX,
    SOURCE_MAX,
    STORE_MAX,
)

RANGES_MAX = 1_000
REFERENCES_MAX = 100
TAGS_MAX = 100
HOLDS_MAX = 32
SHOP = "shop"
"""The issuer of what the shop itself reports."""
ISSUER_MAX = len("partner:") + CODE_MAX
WIPED_MAX = 64
CAUSE_ID_MAX = 160

_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+$"


def _in_utc(value: datetime) -> datetime:
    """Return the instant in UTC. Raises ValueError outside the years that every part of the product can store."""
    try:
        instant = value.astimezone(UTC)
    except OverflowError:
        instant = INSTANT_MAX
    if not INSTANT_MIN <= instant < INSTANT_MAX:
        raise ValueError("the instant must lie between the years 1900 and 2199")
    return instant


def as_text(value: datetime) -> str:
    """Write an instant always with microseconds and Z, so that the texts sort like the instants."""
    return value.isoformat(timespec="microseconds")[:-6] + "Z"


def _pattern_of(prefix: str) -> str:
    """Return the pattern of an id: a prefix, then a uuid7 as 26 characters of Crockford base32."""
    return f"{prefix}_[0-9a-hjkmnp-tv-z]{{26}}"


def _id_of(prefix: str) -> StringConstraints:
    """Return the shape of an id."""
    return StringConstraints(max_length=30, pattern=f"^{_pattern_of(prefix)}$")


Instant = Annotated[
    AwareDatetime,
    AfterValidator(_in_utc),
    PlainSerializer(as_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]

# A Code is one of our own words. A Slug is a name that the merchant gives to something they configure.
Code = Annotated[str, StringConstraints(max_length=CODE_MAX, pattern=r"^[a-z][a-z0-9_]*$")]
Slug = Annotated[str, StringConstraints(max_length=CODE_MAX, pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
Currency = Annotated[str, StringConstraints(max_length=3, pattern=r"^[A-Z]{3}$")]
CauseId = Annotated[
    str, StringConstraints(max_length=CAUSE_ID_MAX, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$")
]

IDENTITY_PATTERN = _pattern_of("cus")
IdentityId = Annotated[str, _id_of("cus")]
ApiKeyId = Annotated[str, _id_of("key")]
PurchaseId = Annotated[str, _id_of("pur")]
ReturnId = Annotated[str, _id_of("ret")]
LinkId = Annotated[str, _id_of("lnk")]
ErasureId = Annotated[str, _id_of("era")]
ComplaintId = Annotated[str, _id_of("cmp")]
RemedyId = Annotated[str, _id_of("rem")]
TransactionId = Annotated[str, StringConstraints(max_length=64, pattern=r"^txn_[0-9a-z_]+$")]
ClaimId = Annotated[str, StringConstraints(max_length=64, pattern=r"^rwc_[0-9a-z]+$")]

PartnerId = Annotated[str, StringConstraints(max_length=CODE_MAX, pattern=f"^{NEW_PARTNER_ID}$")]
Issuer = Annotated[str, StringConstraints(max_length=ISSUER_MAX, pattern=f"^({SHOP}|partner:{PARTNER_ID})$")]
"""The party within which an id is unique: the shop, or one partner."""
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
    """A piece of an event. It is frozen, strict about types, and ignores fields that it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, use_attribute_docstrings=True)


class Cause(Part):
    """The cause of a fact: another fact, an action of a person, or the passing of time."""

    kind: Code
    """Kind of the cause, such as purchase, return, redemption, adjustment, remedy, transition or link."""
    id: CauseId
    """Id of the cause, unique among the causes of its kind."""


class OfIdentity(Part):
    """The identity that a fact is about, and its owner."""

    identity_id: IdentityId
    """The immutable identity that the fact was recorded for. Events of one identity are delivered in order."""
    customer_id: IdentityId
    """The customer that owned the identity when the fact was recorded. Consumers look up today's owner themselves."""


class Event(Part):
    """A fact that a service publishes for the other services.

    `type` is the name of the event on the wire: service, past-tense fact, version. `topic` is the topic that carries it.
    """

    type: ClassVar[str]
    topic: ClassVar[Topic]
    aggregate: ClassVar[str]
    """The kind of thing that the key names."""
    key_words: ClassVar[str]
    """The key, as the documentation names it."""

    occurred_at: Instant
    """The time when the fact happened."""
    cause: Cause
    """The cause of the fact."""

    @property
    def key(self) -> str:
        """Return the partition key, which keeps the facts of one thing in order."""
        raise NotImplementedError

    @property
    def identities(self) -> tuple[str, ...]:
        """Return the keys of all things whose state the fact changes, each once. An event with several is a wave of its own."""
        return (self.key,)


class IdentityEvent(Event, OfIdentity):
    """A fact about one identity."""

    aggregate, key_words = "identity", "identity_id"

    @property
    def key(self) -> str:
        """Return the partition key, which keeps the facts of one identity in order."""
        return self.identity_id
