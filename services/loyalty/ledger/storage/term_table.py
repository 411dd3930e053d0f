"""The table of terms: each moved the expiry of a lot ahead. A row is a fact, and the expiry of the lot is its projection."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, Named, Table, TypedColumns

from services.loyalty.ledger.domain.wallets import Term
from services.loyalty.ledger.storage.tables import metadata
from shared.db import record_of, triggers
from shared.db.types import BigInt, Instant


class LotTermColumns(TypedColumns):
    """The table of terms: facts."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    lot_id: Named[int] = Column(BigInt)
    wallet_id: Named[int] = Column(BigInt)
    former_expires_at: Named[datetime] = Column(Instant)
    """The expiry that the lot had before."""
    expires_at: Named[datetime] = Column(Instant)
    occurred_at: Named[datetime] = Column(Instant)
    """The activity that moved it."""
    booked_at: Named[datetime] = Column(Instant)


lot_term = Table(
    "lot_term",
    metadata,
    LotTermColumns,
    CheckConstraint("expires_at > former_expires_at", name="lot_term_ahead"),
    Index("lot_term_lot", "lot_id", "id"),
)
record_of(lot_term)(Term)
triggers.append_only(lot_term)
