"""Events of the profile service: purchases, returns, customers, and the owners of identities."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from shared.events.base import (
    HOLDS_MAX,
    RANGES_MAX,
    REFERENCES_MAX,
    SHOP,
    TAGS_MAX,
    AmountMinor,
    ApiKeyId,
    Brand,
    Category,
    Channel,
    Code,
    Currency,
    ErasureId,
    Event,
    IdentityEvent,
    IdentityId,
    Instant,
    Issuer,
    LineNumber,
    LinkId,
    OrderId,
    Part,
    PartnerId,
    PurchaseId,
    Quantity,
    ReturnId,
    Sku,
    Slug,
    Source,
    Store,
    Version,
)
from shared.events.topic import Topic
from shared.limits import CODE_MAX, LINES_MAX, SCOPE, SCOPES_MAX

PURCHASES = Topic(
    name="huitou.purchases",
    about="Purchases and returns of customers.",
    producer="profile",
    consumers=("loyalty", "feedback", "scoring"),
)
CUSTOMERS = Topic(
    name="huitou.customers",
    about="Customers, and the identities that each customer owns.",
    producer="profile",
    consumers=("loyalty", "feedback", "scoring"),
)

ACCESS = Topic(
    name="huitou.access",
    about="API keys of partners, by their digests.",
    producer="profile",
    consumers=("loyalty", "feedback", "scoring"),
)

Reference = Annotated[str, StringConstraints(max_length=22, pattern=r"^[A-Za-z0-9_-]{22}$")]
KeyHash = Annotated[str, StringConstraints(max_length=64, pattern=r"^[0-9a-f]{64}$")]
PartnerScope = Annotated[str, StringConstraints(max_length=CODE_MAX, pattern=f"^{SCOPE}$")]
ReferenceKey = Annotated[str, StringConstraints(max_length=16, pattern=r"^[0-9a-f]{16}$")]
RegionCode = Annotated[str, StringConstraints(max_length=16, pattern=r"^[A-Za-z0-9-]+$")]
Language = Annotated[str, StringConstraints(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]


class PurchaseLine(Part):
    """One line of a purchase. Its name is not published, because free text may be personal."""

    line: LineNumber
    """Number of the line within the purchase, from 1, without gaps."""
    sku: Sku
    """The merchant's code of the article."""
    quantity: Quantity
    """Units bought."""
    amount_minor: AmountMinor
    """Amount paid for the whole line after discounts, in minor units of the purchase's currency."""
    category: Category | None = None
    """The merchant's category of the article, if given."""
    brand: Brand | None = None
    """The brand of the article, if given."""


class PurchaseRecorded(IdentityEvent):
    """A purchase was recorded for an identity, once per (issuer, source, order id)."""

    type = "profile.purchase_recorded.v1"
    topic = PURCHASES

    purchase_id: PurchaseId
    """Id of the purchase. Each effect of the purchase is applied once per id."""
    source: Source
    """The system that the order comes from."""
    order_id: OrderId
    """The order's id in that system."""
    issuer: Issuer = SHOP
    """The issuer that recorded the purchase. Another issuer's order with the same source and id is another order."""
    currency: Currency
    """ISO 4217 code of all amounts."""
    amount_minor: AmountMinor
    """The sum of the lines, in minor units."""
    channel: Channel | None = None
    """The merchant's code of the sales channel, if given."""
    store: Store | None = None
    """The merchant's code of the store, if given."""
    lines: Annotated[tuple[PurchaseLine, ...], Field(min_length=1, max_length=LINES_MAX)]
    """The bought articles, in the order of the receipt."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        amount = 0
        for number, line in enumerate(self.lines, 1):
            if line.line != number:
                raise ValueError("lines must be numbered from 1 without gaps")
            amount += line.amount_minor
        if amount != self.amount_minor:
            raise ValueError("the amount must be the sum of the lines")
        return self


class ReturnedLine(Part):
    """Units of one line of a purchase that were returned."""

    line: LineNumber
    """Number of the line of the purchase."""
    quantity: Quantity
    """Number of returned units."""
    unit_from: Quantity
    """The first returned unit, counted from 1 within the line."""
    unit_to: Quantity
    """The last returned unit, inclusive. No unit is returned twice."""
    amount_minor: AmountMinor
    """Money allotted to those units, in minor units."""


class PurchaseReturned(IdentityEvent):
    """Units of a purchase were returned. Profile decides which units, so returns can be applied in any order."""

    type = "profile.purchase_returned.v1"
    topic = PURCHASES

    return_id: ReturnId
    """Id of the return. Each effect of the return is applied once per id."""
    purchase_id: PurchaseId
    """The purchase that the units belong to."""
    source: Source
    """The system that the order comes from."""
    order_id: OrderId
    """The order's id in that system."""
    issuer: Issuer = SHOP
    """The issuer that recorded the purchase. Another issuer's order with the same source and id is another order."""
    purchased_at: Instant
    """When the purchase was made."""
    currency: Currency
    """ISO 4217 code of all amounts, as in the purchase."""
    amount_minor: AmountMinor
    """The sum of the lines, in minor units."""
    lines: Annotated[tuple[ReturnedLine, ...], Field(min_length=1, max_length=RANGES_MAX)]
    """The returned units by line, ascending and without overlap."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        amount = 0
        for line in self.lines:
            if line.unit_to - line.unit_from + 1 != line.quantity:
                raise ValueError("the range of units must have as many units as were returned")
            amount += line.amount_minor
        if amount != self.amount_minor:
            raise ValueError("the amount must be the sum of the lines")
        if any(
            (first.line, first.unit_to) >= (second.line, second.unit_from)
            for first, second in pairwise(self.lines)
        ):
            raise ValueError("the ranges of units must ascend without overlap")
        return self


class CustomerRegistered(IdentityEvent):
    """An identity was created. At first it is its own owner."""

    type = "profile.customer_registered.v1"
    topic = CUSTOMERS

    origin: Code
    """Code of the way in which the identity was created, such as purchase, upsert or import."""
    source: Source | None = None
    """The system that the identity comes from, if it has a name."""
    issuer: Issuer = SHOP
    """The issuer that brought the identity. A partner sees only the identities that it brought."""
    references: Annotated[tuple[Reference, ...], Field(max_length=REFERENCES_MAX)] = ()
    """Keyed digests of the external ids of the identity. Other services find it by them without learning the ids."""
    reference_key: ReferenceKey | None = None
    """A check value of the key of these digests, if there are any. A service with another key would find nobody by them."""


class CustomerAttributes(Part):
    """The attributes of a customer that may be published: codes that many customers share."""

    region_code: RegionCode | None = None
    """Code of the region, from ISO 3166-2 or the merchant's own."""
    channel: Channel | None = None
    """The merchant's code of the preferred channel."""
    language: Language | None = None
    """BCP 47 tag of the preferred language."""
    tags: Annotated[tuple[Slug, ...], Field(max_length=TAGS_MAX)] = ()
    """Codes that the merchant has attached to the customer."""


class CustomerUpdated(IdentityEvent):
    """The whole publishable record of an identity. A consumer applies it if its version is greater than the known one."""

    type = "profile.customer_updated.v1"
    topic = CUSTOMERS

    record_version: Version
    """A number that grows with every change of this identity."""
    references: Annotated[tuple[Reference, ...], Field(max_length=REFERENCES_MAX)] = ()
    """Keyed digests of all external ids of this identity."""
    reference_key: ReferenceKey | None = None
    """A check value of the key of these digests, if there are any."""
    attributes: CustomerAttributes | None = None
    """The customer's attributes. They are present only if the identity is its own owner."""


class _OwnerChanged(IdentityEvent):
    """The fields of every event that gives an identity another owner."""

    link_id: LinkId
    """The link that was created or undone."""
    former_customer_id: IdentityId
    """The owner of the identity before."""
    ownership_version: Version
    """A number that grows with every change of this identity's owner. The greatest wins, also if it does not arrive last."""
    decided_by: Code
    """Code of what decided on the link: rule, model or person."""

    @property
    def identities(self) -> tuple[str, ...]:
        """Return the identity, its owner now and its former owner, each once."""
        return tuple(dict.fromkeys((self.identity_id, self.customer_id, self.former_customer_id)))


class CustomerMerged(_OwnerChanged):
    """An identity now belongs to another customer. There is one event per identity that moved."""

    type = "profile.customer_merged.v1"
    topic = CUSTOMERS


class CustomerUnmerged(_OwnerChanged):
    """A merge was undone for an identity. There is one event per identity that moved."""

    type = "profile.customer_unmerged.v1"
    topic = CUSTOMERS

    must_not_link: bool
    """True if a rule or a model must not merge the two customers again."""


class CustomerErased(IdentityEvent):
    """An identity was erased. Every service wipes what it stores about the identity, and answers. There is one event per identity."""

    type = "profile.customer_erased.v1"
    topic = CUSTOMERS

    erasure_id: ErasureId
    """Id of the erasure. The answers of the services name it."""
    holds: Annotated[tuple[Code, ...], Field(max_length=HOLDS_MAX)] = ()
    """Codes of the legal holds because of which some records are kept."""


class ApiKeyChanged(Event):
    """An API key of a partner was created or revoked. The event tells the whole state of the key, and never the key itself."""

    type = "profile.api_key_changed.v1"
    topic = ACCESS
    aggregate, key_words = "partner", "`partner:` and partner_id"

    key_id: ApiKeyId
    """Id of the API key."""
    record_version: Version
    """Version of the key's state. The greatest one counts, in whatever order the events are applied."""
    partner_id: PartnerId
    """The partner that the key speaks for."""
    label: Code
    """The word by which operators know the key."""
    key_hash: KeyHash
    """SHA-256 of the key, in hexadecimal digits. The key has more than 160 random bits, so nobody finds it by its digest."""
    scopes: Annotated[tuple[PartnerScope, ...], Field(max_length=SCOPES_MAX)]
    """The scopes of the key, sorted."""
    created_at: Instant
    """The time when the key was created."""
    expires_at: Instant | None = None
    """The time from which the key is no longer accepted, if it ends by itself."""
    revoked_at: Instant | None = None
    """The time when the key was revoked, if it was."""

    @property
    def key(self) -> str:
        """Return the partition key, which keeps the facts of one partner in order."""
        return f"partner:{self.partner_id}"


EVENTS: tuple[type[Event], ...] = (
    PurchaseRecorded,
    PurchaseReturned,
    CustomerRegistered,
    CustomerUpdated,
    CustomerMerged,
    CustomerUnmerged,
    CustomerErased,
    ApiKeyChanged,
)
"""Every event that the profile service publishes."""
