"""Find the complaints whose clocks are due."""

from services.feedback.complaints.storage import complaints
from services.feedback.settings import Settings
from services.feedback.sla.queries import clocks
from shared.context import Context
from shared.db import Read


async def due_complaints(read: Read, context: Context[Settings], limit: int) -> list[str]:
    """Return complaints of which a clock gives a notice by now, and those that a version of the rules has not reached yet."""
    until = context.clock.now() - context.settings.sla_grace
    due = await clocks.due(read, until, limit)
    behind = await complaints.behind_rules(read, await clocks.rules_applied(read, until), limit)
    return list(dict.fromkeys([*due, *behind]))[:limit]
