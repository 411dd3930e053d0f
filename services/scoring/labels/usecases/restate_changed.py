"""Judge again the customers whose facts were changed by the event that is handled."""

from services.scoring.facts.steps.changes import latest_changes
from services.scoring.labels.domain.statements import MovedBy
from services.scoring.labels.steps.restate_customers import restate_customers
from services.scoring.labels.steps.statements import forget_statements
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Tx


async def restate_changed(tx: Tx, context: Context[Settings], moved_by: MovedBy) -> None:
    """Judge the changed customers as of now, and delete the statements about customers that were erased."""
    changes = latest_changes(tx)
    await forget_statements(tx, changes.gone)
    await restate_customers(tx, context, changes.causes, moved_by)
