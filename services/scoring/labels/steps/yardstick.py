"""The cut points that a transaction judges labels with."""

from services.scoring.labels.domain.statements import RFM, Yardstick
from services.scoring.models.domain.kinds import Cuts
from services.scoring.models.queries.models import all_in_force
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Slot, Tx
from shared.local_time import local_day

_YARDSTICK: Slot[list[Yardstick]] = Slot("scoring.yardstick", list)
"""The yardstick of this transaction: a list of one, empty before it is asked for."""


async def yardstick_of(tx: Tx, context: Context[Settings]) -> Yardstick:
    """Return what this transaction judges labels with; it is read once, and only after the locks are held."""
    read_before = tx.slot(_YARDSTICK)
    if not read_before:
        zone = context.settings.time_zone
        used = (await all_in_force(tx, local_day(tx.now, zone), zone.key))[RFM, ""]
        assert isinstance(used.model.parameters, Cuts)
        read_before.append(Yardstick(used.model.parameters, used.model.version, zone, tx.now))
    return read_before[0]
