"""Propose requests, and decide about them: each is done once, by the decision of a second person."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from shared import audit
from shared.approvals import storage
from shared.approvals.approvable import Approvable, Approved
from shared.approvals.refusals import (
    OPEN_MAX,
    ApprovalClosed,
    OthersProposal,
    OwnProposal,
    ProposedBefore,
    TooManyProposals,
    UnknownApproval,
)
from shared.approvals.tables import ApprovalRecord, State
from shared.audit import Change
from shared.auth.access import Forbidden
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Read, Tx
from shared.db.rehearsal import rehearsed
from shared.errors import DomainError, Kind
from shared.ids import new_id
from shared.vault import Keys

OPEN_FOR: Final = timedelta(hours=72)
"""The time after which nobody can approve a proposal: three days, so that a weekend does not end it."""
KEPT_FOR: Final = timedelta(days=90)
"""The time for which an approval can still be read after the last moment at which it could be given. The audit trail keeps the acts."""
OF_OBJECT_MAX: Final = 100
"""The largest number of approvals that are shown with the thing that they change."""
_CONTENT, _REASON, _DECISION = "approval.content", "approval.reason", "approval.decision"
_PASSING = (Kind.UNAVAILABLE, Kind.TOO_MANY, Kind.TIMEOUT)
"""Kinds of refusals that pass by themselves. The proposal stays open."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A request that needs a second person. The body has a `reason`; its other fields are numbers and codes."""

    operation: str
    path: Mapping[str, str]
    body: Mapping[str, Any]
    key: bytes
    object_id: str
    """The id of what the request changes."""
    customer_id: str
    identity_id: str
    proposed_by: str


@dataclass(frozen=True, slots=True)
class Content:
    """The texts of an approval, opened."""

    path: Mapping[str, str]
    fields: Mapping[str, int | str | None]
    """The fields of the body but the reason: numbers and codes."""
    reason: str
    decision: str | None


async def propose(
    tx: Tx, context: Context[Any], proposal: Proposal, act: Callable[[], Awaitable[object]]
) -> ApprovalRecord:
    """Store a request until a second person decides about it. The caller has locked the operator (`locks.operators`) and the identity.

    `act` does what the approval will do. It is done and undone at once, so that nobody waits for what cannot succeed.

    Raises what `act` raises, ProposedBefore and TooManyProposals.
    """
    async with rehearsed(tx):
        await act()
    former = await storage.find_by_key(tx, proposal.key)
    if former is not None:
        raise ProposedBefore(approval_id=former.id)
    if await storage.count_open(tx, proposal.proposed_by) >= OPEN_MAX:
        raise TooManyProposals
    keys = await context.vault.new_subject(tx, [proposal.identity_id])
    fields = {name: value for name, value in proposal.body.items() if name != "reason"}
    content = json.dumps({"path": dict(proposal.path), "fields": fields})
    record = ApprovalRecord(
        id=new_id("apr"),
        operation=proposal.operation,
        key=proposal.key,
        object_id=proposal.object_id,
        customer_id=proposal.customer_id,
        identity_id=proposal.identity_id,
        content=keys.seal(proposal.identity_id, _CONTENT, content),
        reason=keys.seal(proposal.identity_id, _REASON, proposal.body["reason"]),
        proposed_by=proposal.proposed_by,
        proposed_at=tx.now,
        expires_at=tx.now + OPEN_FOR,
        updated_at=tx.now,
    )
    await storage.add(tx, record)
    _note(tx, record, None)
    return record


async def approve(
    tx: Tx,
    context: Context[Any],
    approvables: Mapping[str, Approvable],
    approval_id: str,
    caller: Principal,
) -> ApprovalRecord:
    """Do what was proposed, in this transaction. A refusal ends the proposal as failed, and nothing else is done.

    Raises UnknownApproval, ApprovalClosed, OwnProposal and Forbidden.
    """
    record = await _lock_for(tx, approvables, approval_id, caller)
    try:
        async with tx.savepoint():
            content = opened(await context.vault.keys(tx, [record.identity_id]), record)
            approved = Approved(
                approval_id=record.id,
                path=content.path,
                body={**content.fields, "reason": content.reason},
                key=record.key,
                proposed_by=record.proposed_by,
                approved_by=caller.key,
            )
            created = await approvables[record.operation].run(tx, context, approved)
    except DomainError as refusal:
        if refusal.kind in _PASSING:
            raise
        return await _decide(tx, record, "failed", caller, refusal=refusal.code)
    return await _decide(tx, record, "approved", caller, created=created)


async def reject(
    tx: Tx,
    context: Context[Any],
    approvables: Mapping[str, Approvable],
    approval_id: str,
    caller: Principal,
    reason: str,
) -> ApprovalRecord:
    """Refuse a proposal, with the reason. Raises what `approve` raises."""
    record = await _lock_for(tx, approvables, approval_id, caller)
    keys = await context.vault.keys(tx, [record.identity_id])
    known = record.identity_id in keys
    decision = keys.seal(record.identity_id, _DECISION, reason) if known else None
    return await _decide(tx, record, "rejected", caller, decision=decision)


async def withdraw(tx: Tx, approval_id: str, caller: Principal) -> ApprovalRecord:
    """Take a proposal back. Raises UnknownApproval, OthersProposal and ApprovalClosed."""
    record = await _lock(tx, approval_id)
    if record.proposed_by != caller.key:
        raise OthersProposal
    _check_open(tx, record)
    return await _decide(tx, record, "withdrawn", caller)


async def expire_approvals(tx: Tx, _context: Context[Any]) -> int:
    """End one page of the proposals whose time is over, and return their number."""
    return await storage.expire(tx, tx.now)


async def prune_approvals(tx: Tx, _context: Context[Any]) -> int:
    """Delete one page of the approvals that ended long ago, and return their number."""
    return await storage.prune(tx, tx.now - KEPT_FOR)


async def of_object(read: Read, object_id: str) -> list[ApprovalRecord]:
    """Return the approvals of requests that change this thing, the latest first, at most OF_OBJECT_MAX."""
    return await storage.of_object(read, object_id, OF_OBJECT_MAX)


def opened(keys: Keys, record: ApprovalRecord) -> Content:
    """Return the texts of an approval. Raises SubjectErased if its customer was erased."""
    stored = json.loads(keys.open(record.identity_id, _CONTENT, record.content))
    return Content(
        path=stored["path"],
        fields=stored["fields"],
        reason=keys.open(record.identity_id, _REASON, record.reason),
        decision=keys.open_if_known(record.identity_id, _DECISION, record.decision),
    )


def approvers(approvables: Iterable[Approvable]) -> frozenset[Any]:
    """Return the roles of which each approves some of these operations."""
    return frozenset().union(*(approvable.roles for approvable in approvables))


async def _lock_for(
    tx: Tx, approvables: Mapping[str, Approvable], approval_id: str, caller: Principal
) -> ApprovalRecord:
    """Lock an open proposal that this operator may decide about."""
    record = await _lock(tx, approval_id)
    if record.proposed_by == caller.key:
        raise OwnProposal
    if record.operation not in approvables or approvables[record.operation].roles.isdisjoint(caller.roles):
        raise Forbidden
    _check_open(tx, record)
    return record


async def _lock(tx: Tx, approval_id: str) -> ApprovalRecord:
    record = await storage.lock(tx, approval_id)
    if record is None:
        raise UnknownApproval
    audit.note(tx, customer_id=record.customer_id, identity_id=record.identity_id)
    return record


def _check_open(tx: Tx, record: ApprovalRecord) -> None:
    """Refuse what was decided, or is over though the job has not come by yet."""
    if record.state != "proposed" or record.expires_at <= tx.peek():
        raise ApprovalClosed


async def _decide(
    tx: Tx, record: ApprovalRecord, state: State, caller: Principal, **decided: Any
) -> ApprovalRecord:
    after = replace(
        record, state=state, decided_by=caller.key, decided_at=tx.now, updated_at=tx.now, **decided
    )
    await storage.decide(tx, [after])
    _note(tx, after, record.state)
    return after


def _note(tx: Tx, record: ApprovalRecord, before: State | None) -> None:
    """Tell the audit trail of a change of state."""
    change = Change(record.id, "state", before, record.state)
    audit.note(tx, customer_id=record.customer_id, identity_id=record.identity_id, changes=[change])
