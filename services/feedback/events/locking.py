"""The locks of a whole batch, before its first wave."""

from collections.abc import Sequence

from services.feedback.events.points import REMEDY
from shared import identity
from shared.context import Context
from shared.db import Tx
from shared.events.base import Event
from shared.events.loyalty import PointsEarned


async def lock(tx: Tx, _context: Context, events: Sequence[Event]) -> None:
    """Lock every identity that the batch names; of earned points only those that pay a remedy concern us.

    The identity's row is where facts, complaints and erasure meet, so no bucket is taken.
    """
    ours = (one for one in events if not isinstance(one, PointsEarned) or one.cause.kind == REMEDY)
    await identity.lock(tx, (name for one in ours for name in one.identities))
