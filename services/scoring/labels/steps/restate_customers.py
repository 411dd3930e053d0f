"""Judge customers again, and publish the labels that changed."""

from collections.abc import Mapping

from services.scoring.facts.steps.states import lock_states
from services.scoring.labels.domain.statements import MovedBy, Statement, restate
from services.scoring.labels.steps.statements import statements_of_locked, write_statements
from services.scoring.labels.steps.yardstick import yardstick_of
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.events.scoring import ScoreUpdated


async def restate_customers(
    tx: Tx, context: Context[Settings], causes: Mapping[str, Cause], moved_by: MovedBy
) -> int:
    """Judge these locked customers as of now; return how many labels changed. `causes` holds the cause by customer."""
    if not causes:
        return 0
    states = await lock_states(tx, causes)
    before = await statements_of_locked(tx, causes)
    yardstick = await yardstick_of(tx, context)
    new = [
        statement
        for customer_id in causes
        if (statement := restate(customer_id, before[customer_id], states[customer_id], yardstick, moved_by))
    ]
    await write_statements(tx, new)
    events = [
        _score_updated(statement, before[statement.customer_id], causes[statement.customer_id])
        for statement in new
        if statement.label_sequence != _sequence(before[statement.customer_id])
    ]
    tx.publish(*events)
    return len(events)


def _sequence(before: Statement | None) -> int:
    return before.label_sequence if before else 0


def _score_updated(statement: Statement, before: Statement | None, cause: Cause) -> ScoreUpdated:
    return ScoreUpdated(
        identity_id=statement.customer_id,
        customer_id=statement.customer_id,
        occurred_at=statement.as_of,
        cause=cause,
        kind=statement.kind,
        label=statement.label,
        previous=before.label if before else None,
        label_sequence=statement.label_sequence,
        model_version=statement.model_version,
        as_of=statement.as_of,
        valid_until=statement.valid_until,
        moved_by=statement.moved_by,
    )
