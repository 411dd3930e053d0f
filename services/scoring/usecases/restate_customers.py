"""Say anew what holds of customers, and tell the others where the label changed."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from services.scoring.domain.statements import RFM, MovedBy, Statement, restate
from services.scoring.storage import models, statements, states
from shared.db import Tx
from shared.events.base import Cause
from shared.events.scoring import ScoreUpdated


async def restate_customers(tx: Tx, causes: Mapping[str, Cause], moved_by: MovedBy, zone: ZoneInfo) -> int:
    """Judge these locked customers as of now; return how many labels changed. `causes` names why, by customer."""
    if not causes:
        return 0
    known = await states.lock(tx, causes)
    before = await statements.of_locked(tx, causes)
    yardstick = await models.yardstick(tx, zone)
    said = [
        statement
        for customer_id in causes
        if (statement := restate(customer_id, before[customer_id], known[customer_id], yardstick, moved_by))
    ]
    await statements.write(tx, said)
    told = [
        _told(statement, before[statement.customer_id], causes[statement.customer_id])
        for statement in said
        if statement.sequence != _sequence(before[statement.customer_id])
    ]
    tx.publish(*told)
    return len(told)


def _sequence(before: Statement | None) -> int:
    return before.sequence if before else 0


def _told(said: Statement, before: Statement | None, cause: Cause) -> ScoreUpdated:
    return ScoreUpdated(
        identity_id=said.customer_id,
        customer_id=said.customer_id,
        occurred_at=said.as_of,
        cause=cause,
        kind=RFM,
        label=said.label,
        previous=before.label if before else None,
        label_sequence=said.sequence,
        model_version=said.model_version,
        as_of=said.as_of,
        valid_until=said.valid_until,
        moved_by=said.moved_by,
    )
