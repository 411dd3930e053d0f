"""An answer has waited a day for its remedy, and a person has to look at it."""

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


async def give_up_unknown_remedies(tx: Tx, context: Context[Settings]) -> int:
    """Make dead letters of the parked answers whose remedy never came; return their number."""
    given_up = 0
    for event_type, reason in ((PointsEarned.type, PAID_UNKNOWN), (RemedyRefused.type, REFUSED_UNKNOWN)):
        late = await parking.overdue(tx, context.vault, event_type)
        if late:
            await parking.mark_dead(tx, late, reason)
        given_up += len(late)
    return given_up
