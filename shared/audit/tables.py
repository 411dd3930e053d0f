"""The tables of the audit trail. Their rows are never changed, and never deleted before AUDIT_DAYS_MIN have passed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import Column, Index, Named, Table, Text, TypedColumns

from shared.db import kernel_metadata, record_of
from shared.db.schema import one_of
from shared.db.triggers import kept_for
from shared.db.types import Document, Id, Instant, Sealed
from shared.limits import AUDIT_DAYS_MIN

NAME_FIELD, REASON_FIELD = "audit.name", "audit.reason"
"""The names of the sealed columns, which each sealed value is bound to."""
Kind = Literal["act", "read"]
"""A row is about an act, which changes something or was to, or about a read that showed personal data as it is."""
Value = int | str | None
"""A value before or after an act: a number, or a code of ours. It is never a text that a person wrote."""


@dataclass(frozen=True, slots=True)
class Change:
    """A value that an act has changed."""

    object_id: str
    """The id of the thing, such as a complaint or a member."""
    field: str
    before: Value
    after: Value


class AuditColumns(TypedColumns):
    """A row: the act or the read of one operator by one request."""

    id: Named[str] = Column(Id, primary_key=True)
    at: Named[datetime] = Column(Instant)
    kind: Named[str] = Column(Text)
    operator: Named[str] = Column(Id)
    """The pseudonym of the operator, which the vault opens to the login."""
    name: Named[bytes | None] = Column(Sealed)
    """The full name that the token told, sealed under the installation's key."""
    roles: Named[str] = Column(Text)
    operation: Named[str] = Column(Id)
    outcome: Named[str] = Column(Text)
    """`done`, or the code of the refusal."""
    request_id: Named[str] = Column(Text)
    customer_id: Named[str | None] = Column(Id)
    """The customer, if the request was about exactly one."""
    identity_id: Named[str | None] = Column(Id)
    """The identity whose key seals the reason, or None if the installation's key does."""
    objects: Named[tuple[str, ...]] = Column(Document(tuple[str, ...]))
    """The ids that the request named or was answered with."""
    reason: Named[bytes | None] = Column(Sealed)
    changes: Named[tuple[Change, ...]] = Column(Document(tuple[Change, ...]))


audit = Table(
    "audit",
    kernel_metadata,
    AuditColumns,
    one_of("kind", get_args(Kind), name="audit_kind"),
    Index("audit_at", "at", "id"),
    Index("audit_of_customer", "customer_id", "id"),
    Index("audit_of_operator", "operator", "at", "id"),
)


@record_of(audit)
@dataclass(frozen=True, slots=True)
class AuditRecord:
    """A row: the act or the read of one operator by one request."""

    id: str
    at: datetime
    kind: Kind
    operator: str
    name: bytes | None
    roles: str
    operation: str
    outcome: str
    request_id: str
    customer_id: str | None
    identity_id: str | None
    objects: tuple[str, ...]
    reason: bytes | None
    changes: tuple[Change, ...]


class AuditCustomerColumns(TypedColumns):
    """A customer of a request that was about several."""

    customer_id: Named[str] = Column(Id, primary_key=True)
    audit_id: Named[str] = Column(Id, primary_key=True)
    at: Named[datetime] = Column(Instant, index=True)


audit_customer = Table("audit_customer", kernel_metadata, AuditCustomerColumns)


@record_of(audit_customer)
@dataclass(frozen=True, slots=True)
class AuditCustomerRecord:
    """A customer of a request that was about several."""

    customer_id: str
    audit_id: str
    at: datetime


for table in (audit, audit_customer):
    kept_for(table, AUDIT_DAYS_MIN)
