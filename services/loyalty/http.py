"""The parts of requests and answers that several capabilities share: a cart and what rules say of it, and documents with versions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Protocol, TypeVar

from pydantic import BaseModel, Field, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from services.loyalty.ledger.domain.documents import Fault
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.purchases.domain.facts import Line
from services.loyalty.purchases.domain.reasons import CutBy, Reason
from shared.auth.principal import Principal
from shared.catalogues import field_sentence
from shared.db import Read
from shared.db.types import to_json
from shared.errors import DomainError, FieldError
from shared.events.base import Issuer
from shared.http.customers import ISSUER_OF_NAME, CustomerName, Naming
from shared.http.models import (
    Brand,
    Category,
    Channel,
    CurrencyIn,
    LineAmount,
    Quantity,
    Request,
    Response,
    Sku,
    Source,
    Store,
    refused,
)
from shared.http.validation import field_errors, pointer
from shared.identity.brought import issuer_of
from shared.limits import INSTANT_MAX, INSTANT_MIN, LINES_MAX

T = TypeVar("T", bound=BaseModel)
PLACE = "document"
"""The name of a document in a request."""
_AT_OUT_OF_RANGE = field_sentence(__name__, "at_out_of_range")


class SimulatedLineIn(Request):
    """One line of the cart."""

    sku: Sku
    quantity: Quantity
    amount_minor: LineAmount
    category: Category | None = None
    brand: Brand | None = None


class BuyerIn(Request):
    """The member that a question is about."""

    customer_id: CustomerName | None = Field(
        None,
        description="The member: `cus_…`, `ext:…`, or `me` with a customer's token, which may also leave it out. "
        "Without a member: somebody who never bought.",
    )
    issuer: Issuer | None = Field(None, description=ISSUER_OF_NAME)


class CartIn(BuyerIn):
    """A cart, and the member whose cart it is."""

    source: Source | None = Field(None, description="The system that the order comes from.")
    currency: CurrencyIn
    channel: Channel | None = None
    store: Store | None = None
    lines: Annotated[list[SimulatedLineIn], Field(min_length=1, max_length=LINES_MAX)]

    @property
    def stored_lines(self) -> tuple[Line, ...]:
        """Return the lines as rules look at them."""
        return stored_lines(self.lines)


def stored_lines(lines: Iterable[SimulatedLineIn]) -> tuple[Line, ...]:
    """Return the lines of a request as rules look at them."""
    return tuple(
        Line(line.quantity, line.amount_minor, line.sku, line.category, line.brand) for line in lines
    )


def in_range(at: datetime) -> datetime:
    """Refuse an instant that no part of the product can store."""
    if not INSTANT_MIN <= at < INSTANT_MAX:
        raise refused(_AT_OUT_OF_RANGE)
    return at


class AppliedRuleOut(Response):
    """A rule that wanted points for the purchase."""

    rule: str
    lines: list[int] | None = Field(
        description="The numbers of the lines that counted, from 1; null: all of them."
    )
    base_minor: int = Field(description="What these lines came to, in minor units.")
    wanted: int = Field(description="What the rule wanted.")
    granted: int = Field(description="What its budget and the caps of the member let through.")
    cap: str | None = Field(description="The cap that the rule counts for.")
    budget: str | None = Field(description="The budget that its points come from.")
    cut_by: CutBy | None = Field(
        description="What let less through than the rule wanted; null: it is granted whole."
    )


class RejectedRuleOut(Response):
    """A rule that granted nothing."""

    rule: str
    reason: Reason
    fact: str | None = Field(
        description="The first fact that did not meet the rule's condition, such as `order.amount` or `sum.quantity`."
    )
    missing: int | None = Field(
        description="How much more of the fact would have met it, if more would; money in minor units."
    )


class SimulatedRuleOut(AppliedRuleOut):
    """A rule that wants points for the cart."""

    available_at: datetime | None = Field(description="Null: at once.")
    expires_at: datetime | None = Field(description="Null: never.")


class FilledCapOut(Response):
    """A cap of the member that points of the cart count for."""

    cap: str = Field(description="The code of the cap.")
    period_from: date = Field(description="The first day of its period, in the programme's zone.")
    limit: int
    before: int = Field(description="What it has let through in this period.")
    after: int = Field(description="What it will have let through with this purchase.")


def applied_rules(applied: Iterable[object]) -> list[AppliedRuleOut]:
    """Return the rules that wanted points for a purchase, as they are shown."""
    return [AppliedRuleOut.model_validate(rule, from_attributes=True) for rule in applied]


def simulated_rules(rules: Iterable[object]) -> list[SimulatedRuleOut]:
    """Return the rules that want points for a cart, as they are shown."""
    return [SimulatedRuleOut.model_validate(rule, from_attributes=True) for rule in rules]


def rejected_rules(rejected: Iterable[object], caller: Principal) -> list[RejectedRuleOut]:
    """Return the rules that grant nothing, as they are shown. Customers do not read of what has not begun."""
    shown = [RejectedRuleOut.model_validate(rule, from_attributes=True) for rule in rejected]
    return [rule for rule in shown if caller.customer_id is None or rule.reason is not Reason.NOT_IN_FORCE]


def filled_caps(caps: Iterable[object]) -> list[FilledCapOut]:
    """Return the caps that points of a cart count for, as they are shown."""
    return [FilledCapOut.model_validate(cap, from_attributes=True) for cap in caps]


class NamesMember(Protocol):
    """A request that may name a member."""

    @property
    def customer_id(self) -> str | None:
        """Return the name of the member."""

    @property
    def issuer(self) -> str | None:
        """Return the issuer of the merchant's own id in the name."""


async def buyer_of(read: Read, caller: Principal, named: Naming, asked: NamesMember) -> str | None:
    """Return the identity of the member that a request is about; None if it names nobody. Raises UnknownMember.

    A customer's token names its customer.
    """
    own = caller.customer_id
    if asked.customer_id is None:
        return own
    identity_id = await named.identity_of(read, asked.customer_id, asked.issuer)
    if identity_id is None or own not in (None, identity_id):
        raise UnknownMember
    return identity_id


async def member_named(read: Read, caller: Principal, named: Naming, asked: NamesMember) -> str | None:
    """Return the identity of the member that a request is about; None if it names nobody.

    A partner names only customers that it brought. Raises UnknownMember.
    """
    identity_id = await buyer_of(read, caller, named, asked)
    if identity_id is not None and not await _may_name(read, caller, identity_id):
        raise UnknownMember
    return identity_id


async def _may_name(read: Read, caller: Principal, identity_id: str) -> bool:
    """Return whether a caller may name this customer: a partner only those that it brought."""
    return caller.kind != "partner" or await issuer_of(read, identity_id) == caller.issuer


async def wallets_asked(
    read: Read,
    caller: Principal,
    named: Naming,
    customer: CustomerName | None,
    issuer: str | None,
    now: datetime,
) -> list[int] | None:
    """Return the wallets that a list is about; none for a customer whom the caller may not name. None: all wallets.

    A partner would learn from the shop's customer into whom its own was merged.
    """
    name = customer or caller.customer_id
    if name is None:
        return None
    identity_id = await named.identity_of(read, name, issuer)
    if identity_id is None or caller.customer_id not in (None, identity_id):
        return []
    if not await _may_name(read, caller, identity_id):
        return []
    try:
        return (await find_member(read, identity_id, now)).wallet_ids
    except UnknownMember:
        return []


@dataclass(frozen=True, slots=True)
class ShownAs:
    """Shows an object in the OpenAPI document as the document that it has to be.

    The route gets the object as it was sent: `read_document` reads it, so that faults of its shape and contradictions have
    the same refusal.
    """

    model: type[BaseModel]

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema of the document."""
        return handler(self.model.__pydantic_core_schema__)


def read_document(model: type[T], given: Mapping[str, object], invalid: type[DomainError]) -> T:
    """Return the document of a request. Raises `invalid`, with a pointer to each fault of its shape."""
    try:
        return model.model_validate_json(to_json(given))
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        raise invalid(errors=[_placed(wrong) for wrong in field_errors(faults, given, model)]) from None


def refuse_faults(faults: Sequence[Fault], invalid: type[DomainError]) -> None:
    """Raise `invalid` with a pointer to each fault of a document, if there is one."""
    if faults:
        raise invalid(
            errors=[
                FieldError.of(pointer((PLACE, *fault.place)), fault.sentence, **fault.values)
                for fault in faults
            ]
        )


def _placed(error: FieldError) -> FieldError:
    return FieldError(pointer((PLACE,)) + error.pointer, error.code, error.en, error.zh)
