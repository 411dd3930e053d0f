"""Read the audit trail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, union_all

from shared.audit.tables import NAME_FIELD, REASON_FIELD, AuditRecord, audit, audit_customer
from shared.db import Read, Slice, Sorts, columns_of, where_given
from shared.vault import Vault

SORTS = Sorts(at=(audit.c.at, audit.c.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSelection:
    """The rows that are asked for. A None chooses nothing."""

    kind: str | None = None
    operator: str | None = None
    customer_id: str | None = None
    operation: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def page(read: Read, chosen: AuditSelection, asked: Slice) -> list[AuditRecord]:
    """Return a page of rows."""
    rows = where_given(
        select(*columns_of(audit, AuditRecord)),
        (audit.c.kind, chosen.kind),
        (audit.c.operator, chosen.operator),
        (audit.c.operation, chosen.operation),
    )
    if chosen.customer_id is not None:
        alone = select(audit.c.id).where(audit.c.customer_id == chosen.customer_id)
        among = select(audit_customer.c.audit_id).where(audit_customer.c.customer_id == chosen.customer_id)
        rows = rows.where(audit.c.id.in_(union_all(alone, among)))
    if chosen.since is not None:
        rows = rows.where(audit.c.at >= chosen.since)
    if chosen.until is not None:
        rows = rows.where(audit.c.at < chosen.until)
    return await read.read_records(AuditRecord, SORTS.page(rows, asked))


async def reasons_of(read: Read, vault: Vault, records: Sequence[AuditRecord]) -> dict[str, str]:
    """Return the reasons of these rows by the row's id. A reason about an erased customer cannot be opened and is left out."""
    keys = await vault.keys(
        read, {record.identity_id for record in records if record.reason and record.identity_id}
    )
    reasons = {}
    for record in records:
        if record.reason is None:
            continue
        if record.identity_id is None:
            reasons[record.id] = vault.open(REASON_FIELD, record.reason)
        elif record.identity_id in keys:
            reasons[record.id] = keys.open(record.identity_id, REASON_FIELD, record.reason)
    return reasons


def name_of(vault: Vault, record: AuditRecord) -> str | None:
    """Return the full name that the operator's token told, or None if it told none."""
    return None if record.name is None else vault.open(NAME_FIELD, record.name)
