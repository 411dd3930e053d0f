"""The work that time alone brings: loyalty's answer is late, or an answer has waited too long for its remedy."""

from services.feedback.remedies.storage import remedies
from services.feedback.remedies.usecases.give_up_unknown_remedies import REASONS, give_up_unknown_remedies
from services.feedback.remedies.usecases.mark_overdue_remedies import mark_overdue_remedies
from services.feedback.settings import Settings
from shared.consume.parking import SWEEP_SECONDS, find_overdue
from shared.context import Context
from shared.db import Read
from shared.outbox.due_rows import by_rows


async def _granted_and_late(read: Read, context: Context[Settings], limit: int) -> list[str]:
    return await remedies.due(read, context.clock.now(), limit)


MARK_OVERDUE_REMEDIES = by_rows(
    "mark_overdue_remedies", _granted_and_late, mark_overdue_remedies, every_seconds=5
)
GIVE_UP_UNKNOWN_REMEDIES = by_rows(
    "give_up_unknown_remedies", find_overdue(*REASONS), give_up_unknown_remedies, every_seconds=SWEEP_SECONDS
)
