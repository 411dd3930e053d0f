"""Customers: register, look up, read, list."""

from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import Depends, Path, Query
from fastapi import Response as Answer
from pydantic import Field, model_validator

from services.profile.people.domain import identifiers as rules
from services.profile.people.domain.identifiers import EMAIL_MAX, PHONE_MAX, Spelled
from services.profile.people.domain.resolution import HELD
from services.profile.people.queries.look_up_customer import look_up_customer as look_up
from services.profile.people.refusals import (
    EXTERNAL_ID_MAX,
    CustomerNotFound,
    EmailInvalid,
    ExternalIdInvalid,
    PhoneInvalid,
    TooMuchContention,
    UnknownCustomer,
)
from services.profile.people.storage import customers
from services.profile.people.storage.customers import Customer, Filter
from services.profile.people.usecases.register_customer import Registration
from services.profile.people.usecases.register_customer import register_customer as register
from services.profile.settings import Settings
from shared.auth.principal import SHOP, Principal
from shared.catalogues import field_sentence
from shared.db import Read
from shared.events.base import Source
from shared.http.auth import OPERATORS, allow
from shared.http.cursor import Cursors
from shared.http.dependencies import Caller, Reading, Transaction, Vaulted, settings_of
from shared.http.models import (
    LIMIT_DEFAULT,
    Cursor,
    InstantIn,
    Limit,
    Page,
    Request,
    Response,
    Word,
    example,
    refused,
)
from shared.http.routes import Router
from shared.limits import ID_MAX
from shared.vault import SubjectErased, Vault

EXT = "ext:"

_IDENTIFIER_REQUIRED = field_sentence(__name__, "identifier_required")
_ONE_IDENTIFIER = field_sentence(__name__, "one_identifier")

router = Router(tags=["customers"])


Configured = Annotated[Settings, Depends(settings_of)]
"""The settings that this service runs with."""

IdText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=ID_MAX,
        description="A customer's id.",
        examples=["cus_01k2m9d6v4e8r7a1b2c3d4e5f6"],
    ),
]
ExternalIdText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=EXTERNAL_ID_MAX,
        description="Your own id of the customer.",
        examples=["C-1001"],
    ),
]
PhoneText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=PHONE_MAX,
        description="Any usual spelling; without a country code it is taken as dialled in the shop's region.",
        examples=["+8613800138001"],
    ),
]
EmailText = Annotated[
    str, Field(min_length=1, max_length=EMAIL_MAX, description="One address.", examples=["ana@example.com"])
]


class CustomerIn(Request):
    """Who the customer is: by id, external id, phone or e-mail. The strongest given decides, in that order."""

    id: IdText | None = None
    external_id: ExternalIdText | None = None
    phone: PhoneText | None = None
    email: EmailText | None = None

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        """Refuse a customer who is not named at all."""
        if self.id is None and self.external_id is None and self.phone is None and self.email is None:
            raise refused(_IDENTIFIER_REQUIRED)
        return self

    @property
    def spelled(self) -> Spelled:
        """The identifiers as given."""
        return Spelled(self.external_id, self.phone, self.email)


class RegistrationIn(CustomerIn):
    """A customer to register, or to add to."""

    model_config = example(
        external_id="C-1001", phone="+8613800138001", email="ana@example.com", name="Ana Li"
    )

    name: Word | None = None
    source: Source | None = Field(
        None, description="The system that tells of the customer.", examples=["web"]
    )


class LookUpIn(Request):
    """Exactly one identifier."""

    model_config = example(phone="+8613800138001")

    external_id: ExternalIdText | None = None
    phone: PhoneText | None = None
    email: EmailText | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        """Refuse none, and more than one."""
        if sum(value is not None for value in (self.external_id, self.phone, self.email)) != 1:
            raise refused(_ONE_IDENTIFIER)
        return self


class Unattached(Response):
    """An identifier that was given but stays another customer's; it is kept as contested."""

    kind: Literal["external_id", "phone", "email"]
    reason: Literal["held_by_another_customer"]


class Registered(Response):
    """Who the customer is now; no personal data."""

    id: str = Field(description="The customer's id.", examples=["cus_01k2m9d6v4e8r7a1b2c3d4e5f6"])
    identity_id: str = Field(
        description="The identity that this was recorded for; another than `id` only after a merge.",
        examples=["cus_01k2m9d6v4e8r7a1b2c3d4e5f6"],
    )
    created: bool
    unattached: list[Unattached]


class IdentifierOut(Response):
    """One identifier of a customer."""

    kind: str = Field(examples=["phone"])
    issuer: str = Field(description="In whose books an external id is unique; else empty.", examples=[""])
    value: str = Field(examples=["+8613800138001"])
    state: str = Field(
        description="`resolving`: what names it is this customer's; `contested`: it is another customer's.",
        examples=["resolving"],
    )
    verified_at: datetime | None = Field(examples=[None])


class CustomerOut(Response):
    """A customer: everything known of the identities that belong to them."""

    id: str = Field(examples=["cus_01k2m9d6v4e8r7a1b2c3d4e5f6"])
    identity_ids: list[str]
    state: str = Field(examples=["active"])
    origin: str = Field(examples=["purchase"])
    issuer: str = Field(description="Who brought the customer: `shop` or `partner:<id>`.", examples=["shop"])
    created_at: datetime
    name: str | None = Field(examples=["Ana Li"])
    identifiers: list[IdentifierOut]


def unattached_out(kinds: object) -> list[Unattached]:
    """The kinds of the identifiers that stayed another's, each with its reason."""
    assert isinstance(kinds, list | tuple)
    return [Unattached(kind=kind, reason=HELD) for kind in kinds]


@router.post(
    "/v1/customers",
    operation_id="register_customer",
    summary="Register a customer",
    allow=allow({"agent", "manager", "admin"}, partner_scope="customers:write"),
    idempotency="optional",
    errors=(UnknownCustomer, PhoneInvalid, EmailInvalid, ExternalIdInvalid, SubjectErased, TooMuchContention),
    status_code=201,
    responses={200: {"model": Registered, "description": "The customer was known; what is new was added."}},
)
async def register_customer(
    tx: Transaction,
    vault: Vaulted,
    caller: Caller,
    settings: Configured,
    answer: Answer,
    body: RegistrationIn,
) -> Registered:
    """Find the customer by the strongest identifier given, or make one, and attach identifiers that are nobody's.

    201 when the customer is new, 200 when known. An identifier that is another customer's stays theirs and is
    reported in `unattached`.
    """
    told = Registration(body.id, body.spelled, body.name, body.source)
    found = await register(tx, vault, told, issuer=caller.issuer, region=settings.phone_region)
    answer.status_code = 201 if found.born else 200
    return Registered(
        id=found.customer_id,
        identity_id=found.identity_id,
        created=found.born,
        unattached=unattached_out(found.unattached),
    )


@router.post(
    "/v1/customers:lookup",
    operation_id="look_up_customer",
    summary="Look a customer up",
    allow=allow(OPERATORS, partner_scope="customers:read"),
    errors=(CustomerNotFound, PhoneInvalid, EmailInvalid, ExternalIdInvalid),
)
async def look_up_customer(
    read: Reading, vault: Vaulted, caller: Caller, settings: Configured, body: LookUpIn
) -> CustomerOut:
    """Find a customer by one identifier, spelled in any usual way. Nothing is made; identifiers never stand in a URL."""
    spelled = Spelled(body.external_id, body.phone, body.email)
    found = await look_up(read, vault, spelled, issuer=caller.issuer, region=settings.phone_region)
    if found is None:
        raise CustomerNotFound
    return _out(found)


@router.get(
    "/v1/customers/{customer_id}",
    operation_id="get_customer",
    summary="Read a customer",
    allow=allow(OPERATORS, partner_scope="customers:read", customer="owned"),
    errors=(CustomerNotFound,),
)
async def get_customer(
    read: Reading,
    vault: Vaulted,
    caller: Caller,
    customer_id: Annotated[str, Path(description="`cus_…`, or `ext:` and your own id of the customer.")],
) -> CustomerOut:
    """Read everything known of a customer. Ids of merged customers stay valid and lead to the surviving one."""
    owner = await customer_of(read, vault, caller, customer_id)
    found = await customers.find(read, vault, owner, brought_by(caller)) if owner else None
    if found is None or (caller.customer_id is not None and caller.customer_id not in found.identity_ids):
        raise CustomerNotFound
    return _out(found)


@router.get(
    "/v1/customers",
    operation_id="list_customers",
    summary="List customers",
    allow=allow(OPERATORS, partner_scope="customers:read"),
)
async def list_customers(
    read: Reading,
    vault: Vaulted,
    caller: Caller,
    origin: Annotated[
        Literal["purchase", "registration"] | None, Query(description="How they came in.")
    ] = None,
    created_from: Annotated[InstantIn | None, Query(description="Made at this instant or later.")] = None,
    created_until: Annotated[InstantIn | None, Query(description="Made before this instant.")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[CustomerOut]:
    """List customers, latest first; filters are over plain columns only."""
    wanted = Filter(brought_by(caller), origin, created_from, created_until)
    cursors = Cursors(
        vault, "list_customers", {name: str(getattr(wanted, name)) for name in Filter.__slots__}
    )
    position = cursors.read(cursor)
    before = str(position[0]) if position else None
    found = await customers.page(read, vault, wanted, before=before, limit=limit + 1)
    shown, following = cursors.page(found, limit, lambda one: [one.customer_id])
    return Page(items=[_out(one) for one in shown], next_cursor=following)


async def customer_of(read: Read, vault: Vault, caller: Principal, text: str) -> str | None:
    """The owner's id that `cus_…` or `ext:…` stands for, of those this caller may ask for; None if there is none."""
    if text.startswith(EXT):
        try:
            named = rules.external_id(text.removeprefix(EXT), caller.issuer)
        except ExternalIdInvalid:
            return None
        found = await customers.named_by(read, vault, named)
        return await customers.owner_of(read, found, brought_by(caller)) if found else None
    return await customers.owner_of(read, text, brought_by(caller))


def brought_by(caller: Principal) -> str | None:
    """A partner sees only what it brought; None: everything."""
    return None if caller.issuer == SHOP else caller.issuer


def _out(customer: Customer) -> CustomerOut:
    return CustomerOut(
        id=customer.customer_id,
        identity_ids=list(customer.identity_ids),
        state=customer.state,
        origin=customer.origin,
        issuer=customer.issuer,
        created_at=customer.created_at,
        name=customer.name,
        identifiers=[
            IdentifierOut(
                kind=one.kind,
                issuer=one.issuer,
                value=one.value,
                state=one.state,
                verified_at=one.verified_at,
            )
            for one in customer.identifiers
        ],
    )
