"""The operation by which managers read the audit trail of a service."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.requests import Request as Incoming
from typing_extensions import TypeAliasType

from shared import audit
from shared.audit import AuditRecord, AuditSelection
from shared.http.auth import allow
from shared.http.cursor import CursorInvalid
from shared.http.customers import NAME_MAX, IssuerOfName, Named
from shared.http.dependencies import Reading, Vaulted
from shared.http.listing import Listing, listed_by
from shared.http.models import InstantIn, Page, Response, example
from shared.http.openapi import operations
from shared.http.operation_filter import OperationFilter, must_be_known
from shared.http.operators import OperatorFilter, operator_asked
from shared.http.readers import ACTOR, OPERATORS_ONLY
from shared.http.routes import Router
from shared.vault import Vault

TAG = {"audit": "Who did what: the acts of operators, and their reads of personal data that was not masked."}

router = Router(tags=[*TAG])


AuditKind = TypeAliasType(
    "AuditKind",
    Annotated[
        audit.Kind,
        Field(
            description="The kind of a row of the audit trail. act: something was changed, or was to be; read: personal data "
            "was shown that was not masked."
        ),
    ],
)


class ChangeOut(Response):
    """A value that the act has changed."""

    object_id: str = Field(description="The id of the thing that has the value.")
    field: str
    before: int | str | None = Field(description="A number or a code; null if there was no value.")
    after: int | str | None


class AuditOut(Response):
    """The act or the read of one operator by one request."""

    model_config = example(
        id="aud_01k2m9d6v4e8r7a1b2c3d4e5f6", at="2026-03-01T09:30:00Z", kind="act",
        operator_id="~AAFx0q2mY4v8Kq7s", login="li.lei", name="Li Lei", roles=["manager"], operation="adjust_points",
        outcome="done", request_id="req_01k2m9d6v4e8r7a1b2c3d4e5f6", customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8",
        objects=["cus_01hv3n8v1mz8k7g5r0q2w4x6y8", "adj_2f9p4t0a7kz6wm1q5x8cvn3edr"], reason="Credited twice by the old system",
        changes=[
            {"object_id": "cus_01hv3n8v1mz8k7g5r0q2w4x6y8", "field": "points_active", "before": 1980, "after": 1860}
        ],
    )  # fmt: skip

    id: str
    at: datetime
    kind: AuditKind
    operator_id: str = Field(description="The same for all acts of one operator in this service.")
    login: Annotated[str, ACTOR] = Field(description="The `sub` of the operator's token.")
    name: Annotated[str | None, ACTOR] = Field(description="The `name` of the operator's token.")
    roles: list[str]
    operation: str = Field(description="The operationId.")
    outcome: str = Field(description="`done`, or the code of the refusal.")
    request_id: str
    customer_id: str | None = Field(description="The customer, if the request was about exactly one.")
    objects: list[str] = Field(
        description=f"The ids that the request named or was answered with, at most {audit.OBJECTS_MAX}."
    )
    reason: Annotated[str | None, OPERATORS_ONLY] = Field(
        description="The reason that was given. Null if none was, or if the customer was erased."
    )
    changes: list[ChangeOut]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilters:
    """The filters of the audit trail."""

    kind: Annotated[AuditKind | None, Query(description="Only acts, or only reads.")] = None
    operator_id: OperatorFilter = None
    customer_id: Annotated[
        str | None,
        Query(
            max_length=NAME_MAX,
            description="Only what named this customer (`cus_…` or `ext:…`), also among others.",
        ),
    ] = None
    issuer: IssuerOfName = None
    operation: OperationFilter = None
    since: Annotated[InstantIn | None, Query(description="At this instant or later.")] = None
    until: Annotated[InstantIn | None, Query(description="Before this instant.")] = None


@router.get(
    "/v1/audit",
    operation_id="list_audit",
    summary="List what operators did",
    allow=allow({"manager", "admin"}),
    errors=(CursorInvalid,),
)
async def list_audit(
    read: Reading,
    vault: Vaulted,
    named: Named,
    incoming: Incoming,
    listing: Annotated[
        Listing[AuditFilters],
        listed_by(AuditFilters, sorts=audit.SORTS, bound_to=lambda caller: caller.key),
    ],
) -> Page[AuditOut]:
    """Acts of operators and their reads of personal data that was not masked.

    An act is written with its own effects, in one transaction. Refused acts are listed too. Rows are never changed; they are
    deleted after HUITOU_AUDIT_DAYS. When a customer is erased, the reasons about the customer become unreadable.
    """
    filters = listing.filters
    if filters.operation is not None:
        routes = operations(incoming.app.router.routes)
        must_be_known(filters.operation, [route.operation.id for route in routes])
    customer_id = filters.customer_id and await named.identity_of(read, filters.customer_id, filters.issuer)
    if filters.customer_id and not customer_id:
        return listing.page([], lambda _: [], [])
    chosen = AuditSelection(
        kind=filters.kind,
        operator=operator_asked(named.caller, filters.operator_id),
        customer_id=customer_id or None,
        operation=filters.operation,
        since=filters.since,
        until=filters.until,
    )
    records = await audit.page(read, chosen, listing.slice)
    shown = listing.shown(records)
    reasons = await audit.reasons_of(read, vault, shown)
    items = [_out(vault, record, reasons.get(record.id)) for record in shown]
    return listing.page(records, listing.sort_key, items)


def _out(vault: Vault, record: AuditRecord, reason: str | None) -> AuditOut:
    return AuditOut(
        id=record.id,
        at=record.at,
        kind=record.kind,
        operator_id=record.operator,
        login=vault.reveal(record.operator),
        name=audit.name_of(vault, record),
        roles=record.roles.split(),
        operation=record.operation,
        outcome=record.outcome,
        request_id=record.request_id,
        customer_id=record.customer_id,
        objects=list(record.objects),
        reason=reason,
        changes=[ChangeOut.model_validate(change, from_attributes=True) for change in record.changes],
    )
