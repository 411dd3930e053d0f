"""Events of the profile service: who bought and returned what, and whose identity is whose."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from shared.events.base import (
    HOLDS_MAX,
    RANGES_MAX,
    REFERENCES_MAX,
    TAGS_MAX,
    AmountMinor,
    Brand,
    Category,
    Channel,
    Code,
    Currency,
    ErasureId,
    Event,
    IdentityId,
    Instant,
    LineNumber,
    LinkId,
    OrderId,
    Part,
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
from shared.limits import LINES_MAX

PURCHASES = Topic(
    name="huitou.purchases",
    about="What customers bought and brought back.",
    producer="profile",
    consumers=("loyalty", "feedback", "scoring"),
)
CUSTOMERS = Topic(
    name="huitou.customers",
    about="Who is a customer, and which identities are one.",
    producer="profile",
    consumers=("loyalty", "feedback", "scoring"),
)

Reference = Annotated[str, StringConstraints(max_length=22, pattern=r"^[A-Za-z0-9_-]{22}$")]
RegionCode = Annotated[str, StringConstraints(max_length=16, pattern=r"^[A-Za-z0-9-]+$")]
Language = Annotated[str, StringConstraints(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]


class PurchaseLine(Part):
    """One line of a purchase; its free-text name stays at home, since engravings are personal."""

    line: LineNumber
    """Number of the line within the purchase, from 1, without gaps."""
    sku: Sku
    """The merchant's code of the article."""
    quantity: Quantity
    """Units bought."""
    amount_minor: AmountMinor
    """Paid for the whole line after discounts, in minor units of the purchase's currency."""
    category: Category | None = None
    """The merchant's category of the article, if given."""
    brand: Brand | None = None
    """The brand of the article, if given."""


class PurchaseRecorded(Event):
    """A purchase was recorded for an identity, once per (source, order id)."""

    type = "profile.purchase_recorded.v1"
    topic = PURCHASES

    purchase_id: PurchaseId
    """The purchase's own id; natural key of every effect."""
    source: Source
    """The system that the order comes from."""
    order_id: OrderId
    """The order's id in that system."""
    currency: Currency
    """ISO 4217 code of all amounts."""
    amount_minor: AmountMinor
    """The sum of the lines, in minor units."""
    channel: Channel | None = None
    """The merchant's code of the sales channel, if given."""
    store: Store | None = None
    """The merchant's code of the store, if given."""
    lines: Annotated[tuple[PurchaseLine, ...], Field(min_length=1, max_length=LINES_MAX)]
    """What was bought, in the order of the receipt."""

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
    """Which units of one line of a purchase went back."""

    line: LineNumber
    """Number of the line of the purchase."""
    quantity: Quantity
    """Units that went back."""
    unit_from: Quantity
    """First unit that went back, counted from 1 within the line."""
    unit_to: Quantity
    """Last unit that went back, inclusive; no unit goes back twice."""
    amount_minor: AmountMinor
    """Money allotted to those units, in minor units."""


class PurchaseReturned(Event):
    """Units of a purchase went back; which ones was decided by profile, so returns commute everywhere."""

    type = "profile.purchase_returned.v1"
    topic = PURCHASES

    return_id: ReturnId
    """The return's own id; natural key of every effect."""
    purchase_id: PurchaseId
    """The purchase that the units belong to."""
    source: Source
    """The system that the order comes from."""
    order_id: OrderId
    """The order's id in that system."""
    purchased_at: Instant
    """When the purchase was made."""
    currency: Currency
    """ISO 4217 code of all amounts, as in the purchase."""
    amount_minor: AmountMinor
    """The sum of the lines, in minor units."""
    lines: Annotated[tuple[ReturnedLine, ...], Field(min_length=1, max_length=RANGES_MAX)]
    """What went back, by line and units, ascending and without overlap."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        amount = 0
        for line in self.lines:
            if line.unit_to - line.unit_from + 1 != line.quantity:
                raise ValueError("the range of units must have as many units as went back")
            amount += line.amount_minor
        if amount != self.amount_minor:
            raise ValueError("the amount must be the sum of the lines")
        if any((one.line, one.unit_to) >= (two.line, two.unit_from) for one, two in pairwise(self.lines)):
            raise ValueError("the ranges of units must ascend without overlap")
        return self


class CustomerRegistered(Event):
    """An identity came into being, once each; it is its own owner at birth."""

    type = "profile.customer_registered.v1"
    topic = CUSTOMERS

    origin: Code
    """How it came into being: purchase, upsert, import …"""
    source: Source | None = None
    """The system that brought it, if it has a name."""
    references: Annotated[tuple[Reference, ...], Field(max_length=REFERENCES_MAX)] = ()
    """Keyed digests of its external ids, so that other services can look it up without learning them."""


class CustomerAttributes(Part):
    """What may be told of a customer: codes that many share."""

    region_code: RegionCode | None = None
    """Code of the region, ISO 3166-2 or the merchant's."""
    channel: Channel | None = None
    """The merchant's code of the preferred channel."""
    language: Language | None = None
    """BCP 47 tag of the preferred language."""
    tags: Annotated[tuple[Slug, ...], Field(max_length=TAGS_MAX)] = ()
    """Codes that the merchant has attached."""


class CustomerUpdated(Event):
    """Everything that may be told of an identity, whole; applied if its version is greater than the known one."""

    type = "profile.customer_updated.v1"
    topic = CUSTOMERS

    record_version: Version
    """Grows with every change of this identity."""
    references: Annotated[tuple[Reference, ...], Field(max_length=REFERENCES_MAX)] = ()
    """Keyed digests of all external ids of this identity."""
    attributes: CustomerAttributes | None = None
    """The customer's attributes, on the owner's own event only."""


class _OwnerChanged(Event):
    """An identity has another owner: what merging and unmerging have in common."""

    link_id: LinkId
    """The link that was made or undone."""
    former_customer_id: IdentityId
    """Its owner until now."""
    ownership_version: Version
    """Grows with every change of this identity's owner; the greatest wins, whatever arrives last."""
    decided_by: Code
    """Who decided: rule, model or person."""

    @property
    def identities(self) -> tuple[str, ...]:
        """The identity that moved, its owner now and its former owner."""
        return tuple(dict.fromkeys((self.identity_id, self.customer_id, self.former_customer_id)))


class CustomerMerged(_OwnerChanged):
    """An identity now belongs to another customer; one event an identity that moved."""

    type = "profile.customer_merged.v1"
    topic = CUSTOMERS


class CustomerUnmerged(_OwnerChanged):
    """A merge was undone for an identity; one event an identity that moved."""

    type = "profile.customer_unmerged.v1"
    topic = CUSTOMERS

    must_not_link: bool
    """Whether the pair must not be merged again by a rule or a model."""


class CustomerErased(Event):
    """An identity was erased: every service wipes what it keeps of it and answers; one event an identity."""

    type = "profile.customer_erased.v1"
    topic = CUSTOMERS

    erasure_id: ErasureId
    """The erasure that asks; the answers name it."""
    holds: Annotated[tuple[Code, ...], Field(max_length=HOLDS_MAX)] = ()
    """Codes of the legal holds that keep some records."""


EVENTS: tuple[type[Event], ...] = (
    PurchaseRecorded,
    PurchaseReturned,
    CustomerRegistered,
    CustomerUpdated,
    CustomerMerged,
    CustomerUnmerged,
    CustomerErased,
)
"""Every event that the profile service publishes."""
