"""The table of API keys. A key itself is never stored: only its SHA-256 is."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Index, Named, Table, TypedColumns

from shared.db import kernel_metadata, record_of
from shared.db.types import BigInt, Document, Id, Instant, Sealed


class ApiKeyColumns(TypedColumns):
    """An API key of a partner."""

    id: Named[str] = Column(Id, primary_key=True)
    partner_id: Named[str] = Column(Id, nullable=False)
    label: Named[str] = Column(Id, nullable=False)
    """The word by which operators know the key."""
    key_hash: Named[bytes] = Column(Sealed, nullable=False)
    scopes: Named[tuple[str, ...]] = Column(Document(tuple[str, ...]), nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    expires_at: Named[datetime | None] = Column(Instant)
    revoked_at: Named[datetime | None] = Column(Instant)
    record_version: Named[int] = Column(BigInt, nullable=False)
    """The version of the state. Each change raises it by one."""
    last_used_at: Named[datetime | None] = Column(Instant)
    """The minute of the last request to this service. It is this service's own, and no event tells it."""


api_key = Table(
    "api_key",
    kernel_metadata,
    ApiKeyColumns,
    Index("api_key_created", "created_at", "id"),
    Index("api_key_of_partner", "partner_id", "id"),
)
Index(
    "api_key_in_force",
    api_key.c.id,
    postgresql_where=api_key.c.revoked_at.is_(None),
    sqlite_where=api_key.c.revoked_at.is_(None),
)


@record_of(api_key)
@dataclass(frozen=True, slots=True)
class ApiKeyRecord:
    """An API key of a partner."""

    id: str
    partner_id: str
    label: str
    key_hash: bytes
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    record_version: int
    last_used_at: datetime | None = None
