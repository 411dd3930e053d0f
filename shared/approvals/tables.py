"""The table of approvals. A service that declares something that needs one has it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from sqlalchemy import Column, Index, MetaData, Named, Table, Text, TypedColumns

from shared.db import record_of, triggers
from shared.db.schema import FILLED_BY_UPGRADE, INDEX_NAMES, declared_by, one_of
from shared.db.types import Id, Instant, Sealed

State = Literal["proposed", "approved", "rejected", "expired", "withdrawn", "failed"]

approvals_metadata = MetaData(
    naming_convention=INDEX_NAMES, info=declared_by("approvals", Path(__file__).parent / "migrations")
)


class ApprovalColumns(TypedColumns):
    """A request that waits for a second person, and what became of it."""

    id: Named[str] = Column(Id, primary_key=True)
    operation: Named[str] = Column(Text)
    key: Named[bytes] = Column(Sealed, unique=True)
    """The keyed hash of the Idempotency-Key with which it was proposed. The fact that it makes is bound to it too."""
    object_id: Named[str | None] = Column(Id)
    """The id of what the request changes, such as a complaint. None for a proposal of a version that did not store it."""
    customer_id: Named[str] = Column(Id)
    identity_id: Named[str] = Column(Id)
    """The identity whose key seals the texts."""
    content: Named[bytes] = Column(Sealed)
    """The parameters of the path, and the fields of the body but the reason."""
    reason: Named[bytes] = Column(Sealed)
    proposed_by: Named[str] = Column(Id)
    proposed_at: Named[datetime] = Column(Instant)
    expires_at: Named[datetime] = Column(Instant)
    state: Named[str] = Column(Text)
    decided_by: Named[str | None] = Column(Id)
    """The operator that approved, rejected or withdrew it, or None if nobody has decided."""
    decided_at: Named[datetime | None] = Column(Instant)
    decision: Named[bytes | None] = Column(Sealed)
    """The reason of a rejection."""
    created: Named[str | None] = Column(Text)
    """The address of what was created."""
    refusal: Named[str | None] = Column(Text)
    """The code of the refusal for which it failed."""
    updated_at: Named[datetime] = Column(Instant, server_default=FILLED_BY_UPGRADE)
    """The time of the proposal, or of the decision or the end that it has met since."""


approval = Table(
    "approval",
    approvals_metadata,
    ApprovalColumns,
    one_of("state", get_args(State), name="approval_state"),
    Index("approval_proposed", "proposed_at", "id"),
    Index("approval_expires", "expires_at", "id"),
    Index("approval_updated", "updated_at", "id"),
    Index("approval_in_state", "state", "proposed_at", "id"),
    Index("approval_of_proposer", "proposed_by", "state"),
    Index("approval_of_object", "object_id", "id"),
)


@record_of(approval)
@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    """A request that waits for a second person, and what became of it."""

    id: str
    operation: str
    key: bytes
    object_id: str | None
    customer_id: str
    identity_id: str
    content: bytes
    reason: bytes
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    updated_at: datetime
    state: State = "proposed"
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision: bytes | None = None
    created: str | None = None
    refusal: str | None = None


PROPOSED = (
    "id", "operation", "key", "object_id", "customer_id", "identity_id", "content", "reason", "proposed_by", "proposed_at",
    "expires_at",
)  # fmt: skip
"""The columns that never change: nobody approves other things than were proposed."""
DECIDED = ("decided_by", "decided_at", "decision", "created", "refusal")
"""The columns that are set once."""
KEPT_WHILE = "old.state = 'proposed'"
"""The rows that are never deleted: nobody has decided about them."""
triggers.frozen_columns(approval, PROPOSED, once=DECIDED, kept_while=KEPT_WHILE)
