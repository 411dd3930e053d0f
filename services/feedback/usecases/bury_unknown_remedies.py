"""An answer waited a day for its remedy: a person has to look."""

from typing import Final

from shared.consume import parking
from shared.consume.set_aside import Reason
from shared.db import Tx
from shared.events.loyalty import PointsEarned, RemedyRefused
from shared.vault import Vault

PAID_UNKNOWN: Final = Reason(
    "paid_unknown_remedy", "Loyalty paid a remedy that nobody here has granted: paid, but we do not know why."
)
REFUSED_UNKNOWN: Final = Reason(
    "refused_unknown_remedy", "Loyalty refused a remedy that nobody here has granted."
)


async def bury_unknown_remedies(tx: Tx, vault: Vault) -> int:
    """Make answers whose remedy never turned up dead letters; return how many."""
    buried = 0
    for event_type, reason in ((PointsEarned.type, PAID_UNKNOWN), (RemedyRefused.type, REFUSED_UNKNOWN)):
        late = await parking.overdue(tx, vault, event_type)
        if late:
            await parking.bury(tx, late, reason)
        buried += len(late)
    return buried
