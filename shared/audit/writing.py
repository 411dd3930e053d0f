"""Write the audit trail, and delete the rows whose time is over."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, delete, select

from shared.audit.tables import (
    NAME_FIELD,
    REASON_FIELD,
    AuditCustomerRecord,
    AuditRecord,
    Change,
    Kind,
    audit,
    audit_customer,
)
from shared.context import Context
from shared.db import Slot, Tx
from shared.ids import new_id
from shared.vault import Vault

OBJECTS_MAX = 200
"""The largest number of ids, and of customers, that one row names: as many as a page of a list has."""
CHANGES_MAX = 50
PRUNE_PAGE = 5_000
_CODE = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(frozen=True, slots=True)
class Operator:
    """The operator of a request."""

    pseudonym: str
    name: str | None
    """The full name that the token tells, or None if it tells none."""
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """The facts that the edge knows about a request of an operator."""

    kind: Kind
    operation: str
    outcome: str
    request_id: str
    objects: Sequence[str]
    customers: Sequence[str]
    reason: str | None


@dataclass(frozen=True, slots=True)
class Note:
    """The facts that a use case knows about an act. A None says that it does not know."""

    customer_id: str | None = None
    identity_id: str | None = None
    reason: str | None = None
    changes: tuple[Change, ...] = ()


_NOTE = Slot("audit note", Note, snapshot=lambda kept: kept)


def note(
    tx: Tx,
    *,
    customer_id: str | None = None,
    identity_id: str | None = None,
    reason: str | None = None,
    changes: Sequence[Change] = (),
) -> None:
    """Add to the row of this act what only the use case knows. It costs nothing where nobody writes a row.

    `identity_id` is the identity whose key seals the reason, by default the customer's. Values of changes are numbers and
    codes: a text that a person wrote goes into `reason`, which is sealed.
    """
    for change in changes:
        for value in (change.before, change.after):
            assert not isinstance(value, str) or _CODE.fullmatch(value), (
                f"{change.field} is no number or code"
            )
    known = tx.slot(_NOTE)
    added = {"customer_id": customer_id, "identity_id": identity_id, "reason": reason}
    given = {name: value for name, value in added.items() if value is not None}
    tx.put_slot(_NOTE, replace(known, changes=(*known.changes, *changes), **given))


def customer_noted(tx: Tx) -> str | None:
    """Return the customer that was noted in a transaction, also in one that was rolled back. None: nobody was."""
    return tx.slot(_NOTE).customer_id


async def write(tx: Tx, vault: Vault, operator: Operator, act: Act) -> str:
    """Write the row of an act, with what its use case has noted, and return the row's id."""
    noted = tx.slot(_NOTE)
    customers = list(dict.fromkeys([noted.customer_id] if noted.customer_id else act.customers))[:OBJECTS_MAX]
    customer_id = customers[0] if len(customers) == 1 else None
    identity_id = noted.identity_id or customer_id
    record = AuditRecord(
        id=new_id("aud"),
        at=tx.now,
        kind=act.kind,
        operator=operator.pseudonym,
        name=None if operator.name is None else vault.seal(NAME_FIELD, operator.name),
        roles=" ".join(operator.roles),
        operation=act.operation,
        outcome=act.outcome,
        request_id=act.request_id,
        customer_id=customer_id,
        identity_id=identity_id,
        objects=tuple(act.objects[:OBJECTS_MAX]),
        reason=await _sealed(tx, vault, identity_id, noted.reason or act.reason),
        changes=noted.changes[:CHANGES_MAX],
    )
    await tx.insert_records(audit, [record])
    if len(customers) > 1:
        rows = [AuditCustomerRecord(name, record.id, record.at) for name in sorted(customers)]
        await tx.insert_records(audit_customer, rows)
    return record.id


async def prune(tx: Tx, context: Context) -> int:
    """Delete one page of the rows that are older than HUITOU_AUDIT_DAYS, and return their number."""
    over = tx.now - timedelta(days=context.settings.audit_days)
    return await _prune(tx, audit, over) + await _prune(tx, audit_customer, over)


async def _prune(tx: Tx, table: Table[Any], over: datetime) -> int:
    page = select(table.c.at).where(table.c.at < over).order_by(table.c.at)
    last = await tx.scalar(page.offset(PRUNE_PAGE - 1).limit(1))
    return await tx.execute(delete(table).where(table.c.at < over if last is None else table.c.at <= last))


async def _sealed(tx: Tx, vault: Vault, identity_id: str | None, reason: str | None) -> bytes | None:
    """Seal a reason under the key of the identity that it is about.

    An identity without a key has no texts here, or is erased: then the reason is given up.
    """
    if reason is None:
        return None
    if identity_id is None:
        return vault.seal(REASON_FIELD, reason)
    keys = await vault.keys(tx, [identity_id])
    return keys.seal(identity_id, REASON_FIELD, reason) if identity_id in keys else None
