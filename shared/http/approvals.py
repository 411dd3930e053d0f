"""Operations by which operators see what was proposed, and decide about it. A second person decides."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from fastapi import Response as PlainResponse
from pydantic import Field
from typing_extensions import TypeAliasType

from shared.approvals import OPEN_FOR, Approvable, ApprovalRecord, deciding, storage, tables
from shared.approvals.refusals import ApprovalClosed, OthersProposal, OwnProposal, UnknownApproval
from shared.auth.principal import Role
from shared.db import Read
from shared.http.auth import OPERATORS, allow
from shared.http.cursor import CursorInvalid
from shared.http.dependencies import Caller, InContext, Reading, Transaction, Vaulted
from shared.http.listing import Listing, listed_by
from shared.http.models import Address, Page, Request, Response, UpdatedSince, Word, example
from shared.http.readers import ACTOR, OPERATORS_ONLY
from shared.http.routes import Router
from shared.service.service import Service
from shared.vault import Keys, Vault

TAG = {"approvals": "Requests above a limit: one operator proposes them, another one approves them."}
Deciders = Mapping[str, Collection[Role]]
"""The roles that approve each operation, by its id."""
LOCATION = "/v1/approvals/{id}"
"""The template of the address of what an operation answers with 202."""

_HOURS = int(OPEN_FOR.total_seconds()) // 3600

OperatorRole = TypeAliasType("OperatorRole", Annotated[Role, Field(description="A role of operators.")])
ApprovalState = TypeAliasType(
    "ApprovalState",
    Annotated[
        tables.State,
        Field(
            description="The state of a proposal. proposed: waits for a second person; approved: done; failed: approved, but refused "
            "when it was to be done; rejected, withdrawn: ended by a person; expired: nobody decided in time."
        ),
    ],
)


class ApprovalOut(Response):
    """A request that was proposed, and what became of it."""

    model_config = example(
        id="apr_01k2m9d6v4e8r7a1b2c3d4e5f6", address="/v1/approvals/apr_01k2m9d6v4e8r7a1b2c3d4e5f6", state="proposed",
        operation="adjust_points",
        customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8",
        path={"customer_id": "cus_01hv3n8v1mz8k7g5r0q2w4x6y8"}, fields={"points": 250_000},
        reason="The shop's birthday gift was never booked", proposed_by="operator:li.lei",
        proposed_at="2026-03-01T09:30:00Z", updated_at="2026-03-01T09:30:00Z", expires_at="2026-03-04T09:30:00Z",
        deciders=["admin", "manager"], decided_by=None, decided_at=None, decision=None, created=None, refusal=None,
    )  # fmt: skip

    id: str
    address: Address = Field(
        description="Where it is read and, with `:approve` or `:reject` behind it, decided."
    )
    state: ApprovalState
    operation: str = Field(description="The operationId of what was asked for.")
    customer_id: str
    path: dict[str, str] | None = Field(
        description="The parameters of its path; null once the customer is erased."
    )
    fields: dict[str, int | str | None] | None = Field(
        description="The fields of its body but the reason: numbers and codes. Null once the customer is erased."
    )
    reason: Annotated[str | None, OPERATORS_ONLY] = Field(description="The reason of the proposer.")
    proposed_by: Annotated[str, ACTOR]
    proposed_at: datetime
    updated_at: datetime = Field(description="When it was proposed, decided or expired, whichever came last.")
    expires_at: datetime = Field(description=f"It can be approved until then: {_HOURS} hours.")
    deciders: list[OperatorRole] = Field(
        description="The roles that may decide about it now: any operator of one of them but the proposer. Empty once it has ended."
    )
    decided_by: Annotated[str | None, ACTOR] = Field(description="Who approved, rejected or withdrew it.")
    decided_at: datetime | None
    decision: Annotated[str | None, OPERATORS_ONLY] = Field(description="The reason of a rejection.")
    created: Address | None = Field(description="The address of what was created when it was approved.")
    refusal: str | None = Field(description="The code of the refusal for which it failed.")


class RejectionIn(Request):
    """Why a proposal is refused."""

    model_config = example(reason="The gift was booked on Monday")

    reason: Word = Field(description="Kept sealed with the proposal. Only operators read it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalFilters:
    """The filters of the list of approvals."""

    state: Annotated[ApprovalState | None, Query(description="Only this state.")] = None
    updated_since: UpdatedSince = None


ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"model": ApprovalOut, "description": "Nothing is done yet: another operator must approve it."}
}
"""The `responses` of an operation that may be proposed."""


async def accepted(read: Read, vault: Vault, record: ApprovalRecord, approvable: Approvable) -> PlainResponse:
    """Return the answer to a request that was proposed."""
    (out,) = await _shown(read, vault, [record], {approvable.operation: approvable.roles})
    return PlainResponse(out.model_dump_json(), 202, media_type="application/json")


async def show_proposals(read: Read, vault: Vault, object_id: str, deciders: Deciders) -> list[ApprovalOut]:
    """Return what was proposed about one thing, the latest first. `deciders` are the roles that approve each operation."""
    return await _shown(read, vault, await deciding.of_object(read, object_id), deciders)


def router_of(service: Service) -> Router:
    """Return the operations on what was proposed in this service."""
    router = Router(tags=[*TAG])
    deciders = {name: approvable.roles for name, approvable in service.approvables.items()}
    _declare_reading(router, deciders)
    _declare_deciding(router, service.approvables, deciders)
    _declare_withdrawing(router, deciders)
    return router


def _declare_reading(router: Router, roles: Deciders) -> None:
    @router.get(
        "/v1/approvals",
        operation_id="list_approvals",
        summary="List what was proposed",
        allow=allow(OPERATORS),
        errors=(CursorInvalid,),
    )
    async def list_approvals(
        read: Reading,
        vault: Vaulted,
        listing: Annotated[Listing[ApprovalFilters], listed_by(ApprovalFilters, sorts=storage.SORTS)],
    ) -> Page[ApprovalOut]:
        """Requests that one operator proposed for another one to approve, with what became of them."""
        records = await storage.page(
            read, listing.filters.state, listing.filters.updated_since, listing.slice
        )
        items = await _shown(read, vault, listing.shown(records), roles)
        return listing.page(records, listing.sort_key, items)

    @router.get(
        "/v1/approvals/{approval_id}",
        operation_id="get_approval",
        summary="Read what was proposed",
        allow=allow(OPERATORS),
        errors=(UnknownApproval,),
    )
    async def get_approval(read: Reading, vault: Vaulted, approval_id: str) -> ApprovalOut:
        """The request as it was proposed, who proposed it, who decided, and what was created."""
        record = await storage.find(read, approval_id)
        if record is None:
            raise UnknownApproval
        (shown,) = await _shown(read, vault, [record], roles)
        return shown


def _declare_deciding(router: Router, approvables: Mapping[str, Approvable], roles: Deciders) -> None:
    deciders = allow(deciding.approvers(approvables.values()))
    errors = (UnknownApproval, OwnProposal, ApprovalClosed)

    @router.post(
        "/v1/approvals/{approval_id}:approve",
        operation_id="approve_approval",
        summary="Approve what another operator proposed",
        allow=deciders,
        errors=errors,
    )
    async def approve_approval(
        tx: Transaction, context: InContext, caller: Caller, approval_id: str
    ) -> ApprovalOut:
        """Do what was proposed, once, as it was proposed. You cannot approve what you proposed yourself.

        If it is refused now, for example because the points are gone, nothing is done: the state is `failed`, and `refusal`
        says why.
        """
        record = await deciding.approve(tx, context, approvables, approval_id, caller)
        (shown,) = await _shown(tx, context.vault, [record], roles)
        return shown

    @router.post(
        "/v1/approvals/{approval_id}:reject",
        operation_id="reject_approval",
        summary="Reject what another operator proposed",
        allow=deciders,
        errors=errors,
    )
    async def reject_approval(
        tx: Transaction, context: InContext, caller: Caller, approval_id: str, body: RejectionIn
    ) -> ApprovalOut:
        """End the proposal, so that nobody can approve it. The proposer reads your reason."""
        record = await deciding.reject(tx, context, approvables, approval_id, caller, body.reason)
        (shown,) = await _shown(tx, context.vault, [record], roles)
        return shown


def _declare_withdrawing(router: Router, roles: Deciders) -> None:
    @router.post(
        "/v1/approvals/{approval_id}:withdraw",
        operation_id="withdraw_approval",
        summary="Withdraw what you proposed",
        allow=allow({"agent", "manager", "admin"}),
        errors=(UnknownApproval, OthersProposal, ApprovalClosed),
    )
    async def withdraw_approval(
        tx: Transaction, context: InContext, caller: Caller, approval_id: str
    ) -> ApprovalOut:
        """Take your own proposal back, so that nobody can approve it."""
        record = await deciding.withdraw(tx, approval_id, caller)
        (shown,) = await _shown(tx, context.vault, [record], roles)
        return shown


async def _shown(
    read: Read, vault: Vault, records: Sequence[ApprovalRecord], roles: Deciders
) -> list[ApprovalOut]:
    keys = await vault.keys(read, {record.identity_id for record in records})
    return [_out(vault, keys, record, roles.get(record.operation, ())) for record in records]


def _out(vault: Vault, keys: Keys, record: ApprovalRecord, roles: Collection[Role]) -> ApprovalOut:
    content = deciding.opened(keys, record) if record.identity_id in keys else None
    return ApprovalOut(
        id=record.id,
        address=LOCATION.format(id=record.id),
        state=record.state,
        operation=record.operation,
        customer_id=record.customer_id,
        path=None if content is None else dict(content.path),
        fields=None if content is None else dict(content.fields),
        reason=None if content is None else content.reason,
        proposed_by=vault.reveal(record.proposed_by),
        proposed_at=record.proposed_at,
        updated_at=record.updated_at,
        expires_at=record.expires_at,
        deciders=sorted(roles) if record.state == "proposed" else [],
        decided_by=None if record.decided_by is None else vault.reveal(record.decided_by),
        decided_at=record.decided_at,
        decision=None if content is None else content.decision,
        created=record.created,
        refusal=record.refusal,
    )
