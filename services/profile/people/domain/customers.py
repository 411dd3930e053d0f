"""A customer: a view over all identities that belong to one owner."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from services.profile.people.domain.identifiers import GivenIdentifiers, IdentifierKind
from shared.limits import ID_MAX

Origin = Literal["purchase", "registration"]
"""The kind of the fact that brought an identity into being."""
IdentityState = Literal["active", "anonymous", "erased"]
IdentifierState = Literal["resolving", "contested", "shared", "blocked", "retired"]
"""A *resolving* identifier leads facts to its identity; a *contested* one leads to another identity."""

CustomerIdText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=ID_MAX,
        description="A customer's id.",
        examples=["cus_01k2m9d6v4e8r7a1b2c3d4e5f6"],
    ),
]
"""The id of a customer as a request gives it."""


@dataclass(frozen=True, slots=True)
class NamedCustomer:
    """A customer as a request names it: by the id of an identity, by identifiers, or by both."""

    identity_id: str | None
    identifiers: GivenIdentifiers


@dataclass(frozen=True, slots=True)
class CustomerIdentifier:
    """One identifier of a customer, readable."""

    kind: IdentifierKind
    issuer: str
    """The issuer that told it, and within which it leads to the customer."""
    value: str
    state: IdentifierState
    verified_at: datetime | None


@dataclass(frozen=True, slots=True)
class Customer:
    """Everything known of the identities with one owner."""

    customer_id: str
    identity_ids: tuple[str, ...]
    state: IdentityState
    origin: Origin
    issuer: str
    created_at: datetime
    updated_at: datetime
    name: str | None
    identifiers: tuple[CustomerIdentifier, ...]


@dataclass(frozen=True, slots=True)
class CustomerSelection:
    """The customers that a list shows; None does not restrict."""

    issuer: str | None
    """The issuer that brought the customer."""
    origin: Origin | None
    created_from: datetime | None
    created_until: datetime | None
    updated_since: datetime | None = None
