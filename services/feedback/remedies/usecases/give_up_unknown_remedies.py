"""An answer has waited a day for its remedy, and a person has to look at it."""

from collections.abc import Sequence
from typing import Final

from services.feedback.settings import Settings
from shared.consume import parking
from shared.consume.set_aside import Reason
from shared.context import Context
from shared.db import Tx
from shared.events.loyalty import PointsEarned, RemedyRefused

PAID_UNKNOWN: Final = Reason(
    "paid_unknown_remedy", "Loyalty paid a remedy that nobody here has granted: paid, but we do not know why."
)
REFUSED_UNKNOWN: Final = Reason(
    "refused_unknown_remedy", "Loyalty refused a remedy that nobody here has granted."
)


REASONS: Final = {PointsEarned.type: PAID_UNKNOWN, RemedyRefused.type: REFUSED_UNKNOWN}


async def give_up_unknown_remedies(tx: Tx, context: Context[Settings], parked_ids: Sequence[str]) -> int:
    """Make dead letters of these parked answers, whose remedy never came; return their number."""
    late = await parking.lock(tx, context.vault, parked_ids)
    for event_type, reason in REASONS.items():
        await parking.mark_dead(tx, [parked for parked in late if parked.type == event_type], reason)
    return len(late)
