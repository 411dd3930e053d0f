"""Wipe what is kept of erased identities."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from services.scoring.storage import facts
from services.scoring.usecases.lock_customers import lock_customers
from services.scoring.usecases.settle_customers import settle_customers
from shared import identity
from shared.db import Tx
from shared.events.base import Cause
from shared.events.erasure import Wiped
from shared.events.profile import CustomerErased
from shared.events.scoring import ScoringErasureDone


async def erase_identities(tx: Tx, erasures: Sequence[CustomerErased], zone: ZoneInfo) -> None:
    """Set the tombstones, delete facts, days and what nobody is left behind of, and answer each erasure once."""
    owners = await lock_customers(tx, (erasure.identity_id for erasure in erasures), zone)
    asked = {erasure.identity_id: erasure for erasure in erasures}
    fresh = await identity.erase(tx, asked, tx.now)
    if not fresh:
        return
    wiped = await facts.erase(tx, fresh)
    causes = {owners[one]: Cause(kind="erasure", id=asked[one].erasure_id) for one in fresh}
    await settle_customers(tx, causes, zone)
    tx.publish(*(_answer(tx, asked[one], wiped[one]) for one in fresh))


def _answer(tx: Tx, asked: CustomerErased, wiped: dict[str, int]) -> ScoringErasureDone:
    return ScoringErasureDone(
        identity_id=asked.identity_id,
        customer_id=asked.customer_id,
        occurred_at=tx.now,
        cause=Cause(kind="erasure", id=asked.erasure_id),
        erasure_id=asked.erasure_id,
        wiped=tuple(Wiped(kind=kind, count=count) for kind, count in wiped.items()),
    )
