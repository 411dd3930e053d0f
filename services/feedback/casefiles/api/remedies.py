"""The remedies in a case file."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.feedback.casefiles.api.reader import Reader
from services.feedback.remedies.domain import RemedyKind, RemedyStatus
from services.feedback.remedies.queries import remedies
from shared.db import Read
from shared.http.models import Response
from shared.http.readers import ACTOR, OPERATORS_ONLY


class RemedyOut(Response):
    """A remedy that was granted on the complaint."""

    id: str
    kind: RemedyKind
    points: int | None
    status: RemedyStatus
    granted_at: datetime
    deadline_at: datetime
    settled_at: datetime | None = Field(description="The time at which loyalty paid or refused it.")
    refusal_code: str | None
    transaction_id: str | None = Field(description="The ledger transaction that paid it.")
    requested_by: Annotated[str | None, ACTOR] = Field(description="Operators only.")
    approved_by: Annotated[str | None, ACTOR] = Field(
        description="The operator that approved it, if it needed that. Operators only."
    )
    reason: Annotated[str | None, OPERATORS_ONLY] = Field(description="Operators only.")
    retry_of: str | None


async def show_remedies(read: Read, reader: Reader, complaint_id: str) -> list[RemedyOut]:
    """Return the remedies of a complaint."""
    return [
        RemedyOut(
            id=remedy.id,
            kind=RemedyKind(remedy.kind),
            points=remedy.points,
            status=RemedyStatus(remedy.status),
            granted_at=remedy.granted_at,
            deadline_at=remedy.deadline_at,
            settled_at=remedy.settled_at,
            refusal_code=remedy.refusal_code,
            transaction_id=remedy.loyalty_txn,
            requested_by=reader.name(remedy.requested_by),
            approved_by=reader.name(remedy.approved_by),
            reason=reader.text("remedy.reason", remedy.id, remedy.reason_sealed),
            retry_of=remedy.retry_of,
        )
        for remedy in await remedies.remedies_of(read, complaint_id)
    ]
