"""The table of transfers: facts that are only ever added to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, MetaData, Named, Table, TypedColumns

from shared.db import record_of, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Id, Instant, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)


class TransferColumns(TypedColumns):
    """The table of transfers: a member gave points to another one."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    key: Named[bytes] = Column(Sealed, unique=True)
    """The natural key: the keyed hash of principal, operation and Idempotency-Key."""
    wallet_id: Named[int] = Column(BigInt)
    """The wallet of the identity that gave."""
    identity_id: Named[str] = Column(Id)
    customer_id: Named[str] = Column(Id)
    to_wallet_id: Named[int] = Column(BigInt)
    to_identity_id: Named[str] = Column(Id)
    to_customer_id: Named[str] = Column(Id)
    points: Named[int] = Column(BigInt)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)


transfer = Table(
    "transfer",
    metadata,
    TransferColumns,
    CheckConstraint("points > 0", name="transfer_moves"),
    CheckConstraint("wallet_id <> to_wallet_id", name="transfer_two_wallets"),
    Index("transfer_wallet", "wallet_id", "occurred_at"),
)


@record_of(transfer)
@dataclass(frozen=True, slots=True)
class TransferRecord:
    """Points that a member gave to another one."""

    id: int
    key: bytes
    wallet_id: int
    identity_id: str
    customer_id: str
    to_wallet_id: int
    to_identity_id: str
    to_customer_id: str
    points: int
    occurred_at: datetime
    booked_at: datetime


APPEND_ONLY = (transfer,)
triggers.append_only(transfer)
