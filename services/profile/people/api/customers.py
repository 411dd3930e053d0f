"""Customers: register, look up, read, list."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from fastapi import Query
from fastapi import Response as Answer
from pydantic import Field, model_validator
from typing_extensions import TypeAliasType

from services.profile.people.domain.customers import (
    Customer,
    CustomerIdText,
    CustomerSelection,
    IdentifierState,
    IdentityState,
    NamedCustomer,
    Origin,
)
from services.profile.people.domain.identifiers import (
    EmailText,
    ExternalIdText,
    GivenIdentifiers,
    IdentifierKind,
    PhoneText,
)
from services.profile.people.domain.resolution import UnattachedIdentifier
from services.profile.people.queries import customers
from services.profile.people.queries.ownership import (
    ids_shown,
    issuer_seen_by,
    may_ask_for,
    owner_of,
    rows_seen_by,
)
from services.profile.people.refusals import (
    IDENTIFIER_REQUIRED,
    CustomerNotFound,
    EmailInvalid,
    ExternalIdInvalid,
    PhoneInvalid,
    TooMuchContention,
    UnknownCustomer,
)
from services.profile.people.storage.identities import SORTS
from services.profile.people.usecases.register_customer import register_customer as register
from services.profile.settings import Settings
from shared.catalogues import field_sentence
from shared.events.base import Issuer
from shared.http import shapes
from shared.http.auth import OPERATORS, allow
from shared.http.customers import CUSTOMER_ID, CustomerId
from shared.http.dependencies import Caller, InContext, Reading, Transaction
from shared.http.listing import Listing, listed_by
from shared.http.models import (
    InstantIn,
    Page,
    Request,
    Response,
    Source,
    UpdatedSince,
    Word,
    example,
    refused,
)
from shared.http.readers import IDENTIFIER, PERSON
from shared.http.routes import Router
from shared.vault import SubjectErased

_ONE_IDENTIFIER = field_sentence(__name__, "one_identifier")

router = Router(tags=["customers"])


class RegistrationIn(Request):
    """A customer to register, or to add to."""

    model_config = example(
        shapes.any_of("id", "external_id", "phone", "email"),
        external_id="C-1001",
        phone="+8613800138001",
        email="ana@example.com",
        name="Ana Li",
    )

    id: Annotated[CustomerIdText, CUSTOMER_ID] | None = None
    external_id: ExternalIdText | None = None
    phone: PhoneText | None = None
    email: EmailText | None = None
    name: Word | None = None
    source: Source | None = Field(
        None, description="The system that tells of the customer.", examples=["web"]
    )

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        """Refuse a customer that is not named at all."""
        if (self.id, self.external_id, self.phone, self.email) == (None, None, None, None):
            raise refused(IDENTIFIER_REQUIRED)
        return self

    @property
    def customer(self) -> NamedCustomer:
        """The customer in the domain's words."""
        return NamedCustomer(self.id, GivenIdentifiers(self.external_id, self.phone, self.email))


class CustomerLookupIn(Request):
    """Exactly one identifier, and the issuer within which it is looked up."""

    model_config = example(shapes.one_of("external_id", "phone", "email"), phone="+8613800138001")

    external_id: ExternalIdText | None = None
    phone: PhoneText | None = None
    email: EmailText | None = None
    issuer: Issuer | None = Field(
        None,
        description="The issuer that told the identifier; by default your own. Only operators look others' up.",
        examples=["shop"],
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        """Refuse none, and more than one."""
        if sum(value is not None for value in (self.external_id, self.phone, self.email)) != 1:
            raise refused(_ONE_IDENTIFIER)
        return self


class RegisteredCustomer(Response):
    """The customer after a registration; no personal data."""

    id: str = Field(description="The customer's id.", examples=["cus_01k2m9d6v4e8r7a1b2c3d4e5f6"])
    identity_id: str = Field(
        description="The identity that this was recorded for; another than `id` only after a merge.",
        examples=["cus_01k2m9d6v4e8r7a1b2c3d4e5f6"],
    )
    created: bool
    unattached: list[UnattachedIdentifier]


CustomerState = TypeAliasType(
    "CustomerState",
    Annotated[IdentityState, Field(description="Whether the customer is known, anonymous or erased.")],
)
CustomerOrigin = TypeAliasType(
    "CustomerOrigin", Annotated[Origin, Field(description="The kind of fact that brought the customer in.")]
)
IdentifierStanding = TypeAliasType(
    "IdentifierStanding",
    Annotated[
        IdentifierState,
        Field(
            description="`resolving`: what names it is this customer's; `contested`: it is another customer's."
        ),
    ],
)


class IdentifierOut(Response):
    """One identifier of a customer."""

    kind: IdentifierKind = Field(examples=["phone"])
    issuer: str = Field(
        description="The issuer that told it: `shop` or `partner:<id>`. It leads to the customer for this issuer only.",
        examples=["shop"],
    )
    value: Annotated[str, IDENTIFIER] = Field(examples=["+8613800138001"])
    state: IdentifierStanding = Field(examples=["resolving"])
    verified_at: datetime | None = Field(examples=[None])


class CustomerOut(Response):
    """A customer: everything that is known of its identities."""

    id: str = Field(examples=["cus_01k2m9d6v4e8r7a1b2c3d4e5f6"])
    identity_ids: list[str]
    state: CustomerState = Field(examples=["active"])
    origin: CustomerOrigin = Field(examples=["purchase"])
    issuer: str = Field(description="Who brought the customer: `shop` or `partner:<id>`.", examples=["shop"])
    created_at: datetime
    updated_at: datetime = Field(description="When an identifier or the name of the customer last changed.")
    name: Annotated[str | None, PERSON] = Field(examples=["Ana Li"])
    identifiers: list[IdentifierOut]


IssuerAsked = Annotated[Issuer | None, Query(description="Only what this issuer brought.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFilters:
    """The query parameters that choose among customers."""

    origin: Annotated[CustomerOrigin | None, Query(description="Only customers that came in this way.")] = (
        None
    )
    issuer: IssuerAsked = None
    created_from: Annotated[InstantIn | None, Query(description="Made at this instant or later.")] = None
    created_until: Annotated[InstantIn | None, Query(description="Made before this instant.")] = None
    updated_since: UpdatedSince = None


@router.post(
    "/v1/customers",
    operation_id="register_customer",
    summary="Register a customer",
    allow=allow({"agent", "manager", "admin"}, partner_scope="customers:write"),
    idempotency="optional",
    errors=(UnknownCustomer, PhoneInvalid, EmailInvalid, ExternalIdInvalid, SubjectErased, TooMuchContention),
    status_code=201,
    location="/v1/customers/{id}",
    responses={
        200: {"model": RegisteredCustomer, "description": "The customer was known; what is new was added."}
    },
)
async def register_customer(
    tx: Transaction, context: InContext[Settings], caller: Caller, answer: Answer, body: RegistrationIn
) -> RegisteredCustomer:
    """Find the customer by the strongest identifier given, or make one, and attach identifiers that are nobody's.

    201 when the customer is new, 200 when known. Identifiers lead to customers within their issuer, the shop or one
    partner: what a partner tells never leads to another's customer. An identifier that is another customer's of the same
    issuer stays theirs and is reported in `unattached`.
    """
    resolved = await register(
        tx, context, body.customer, name=body.name, source=body.source, issuer=caller.issuer
    )
    answer.status_code = 201 if resolved.is_new else 200
    shown = await ids_shown(tx, caller, {resolved.identity_id: resolved.customer_id})
    return RegisteredCustomer(
        id=shown[resolved.identity_id],
        identity_id=resolved.identity_id,
        created=resolved.is_new,
        unattached=[UnattachedIdentifier.held(kind) for kind in resolved.unattached],
    )


@router.post(
    "/v1/customers:lookup",
    operation_id="look_up_customer",
    summary="Look a customer up",
    allow=allow(OPERATORS, partner_scope="customers:read"),
    rate="lookup",
    errors=(CustomerNotFound, PhoneInvalid, EmailInvalid, ExternalIdInvalid),
)
async def look_up_customer(
    read: Reading, context: InContext[Settings], caller: Caller, body: CustomerLookupIn
) -> CustomerOut:
    """Find a customer by one identifier, spelled in any usual way. Nothing is made; identifiers never stand in a URL.

    An identifier leads to a customer within the issuer that told it. Operators may ask within any issuer.
    """
    given = GivenIdentifiers(body.external_id, body.phone, body.email)
    customer = await customers.look_up_customer(read, context, caller, given, within=body.issuer)
    if customer is None:
        raise CustomerNotFound
    return _out(customer)


@router.get(
    "/v1/customers/{customer_id}",
    operation_id="get_customer",
    summary="Read a customer",
    allow=allow(OPERATORS, partner_scope="customers:read", customer="owned"),
    errors=(CustomerNotFound,),
)
async def get_customer(
    read: Reading,
    context: InContext[Settings],
    caller: Caller,
    customer_id: CustomerId,
) -> CustomerOut:
    """Read everything known of a customer. Ids of merged customers stay valid and lead to the surviving one."""
    owner_id = await owner_of(read, customer_id, issuer_seen_by(caller))
    customer = owner_id and await customers.find_customer(
        read, context, owner_id, issuer=issuer_seen_by(caller)
    )
    if not customer or (caller.customer_id is not None and caller.customer_id not in customer.identity_ids):
        raise CustomerNotFound
    return _out(customer)


@router.get(
    "/v1/customers",
    operation_id="list_customers",
    summary="List customers",
    allow=allow(OPERATORS, partner_scope="customers:read"),
)
async def list_customers(
    read: Reading,
    context: InContext[Settings],
    caller: Caller,
    listing: Annotated[
        Listing[CustomerFilters], listed_by(CustomerFilters, sorts=SORTS, bound_to=rows_seen_by)
    ],
) -> Page[CustomerOut]:
    """List customers. The filters are over plain columns only: nobody can search by a name or an identifier."""
    filters = listing.filters
    if not may_ask_for(caller, filters.issuer):
        return listing.page([], lambda _: [], [])
    selection = CustomerSelection(
        issuer_seen_by(caller) or filters.issuer,
        filters.origin,
        filters.created_from,
        filters.created_until,
        filters.updated_since,
    )
    listed = await customers.list_customers(read, context, selection, listing.slice)
    return listing.page(
        listed,
        lambda row: listing.sort_key(row.place),
        [_out(row.customer) for row in listing.shown(listed)],
    )


def _out(customer: Customer) -> CustomerOut:
    return CustomerOut(
        id=customer.customer_id,
        identity_ids=list(customer.identity_ids),
        state=customer.state,
        origin=customer.origin,
        issuer=customer.issuer,
        created_at=customer.created_at,
        updated_at=customer.updated_at,
        name=customer.name,
        identifiers=[
            IdentifierOut(
                kind=identifier.kind,
                issuer=identifier.issuer,
                value=identifier.value,
                state=identifier.state,
                verified_at=identifier.verified_at,
            )
            for identifier in customer.identifiers
        ],
    )
