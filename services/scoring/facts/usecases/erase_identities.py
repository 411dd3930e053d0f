"""Erase identities: delete everything that is stored of them."""

from collections.abc import Sequence

from services.scoring.facts.steps.changes import note_changes
from services.scoring.facts.steps.lock_customers import lock_customers
from services.scoring.facts.steps.settle_owners import settle_owners
from services.scoring.facts.storage import facts
from services.scoring.settings import Settings
from shared import identity
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.events.erasure import Wiped
from shared.events.profile import CustomerErased
from shared.events.scoring import ScoringErasureDone


async def erase_identities(tx: Tx, context: Context[Settings], erasures: Sequence[CustomerErased]) -> None:
    """Mark identities as erased, delete their facts, days and states, and answer each erasure once."""
    owners = await lock_customers(tx, context, (erasure.identity_id for erasure in erasures))
    erasure_of = {erasure.identity_id: erasure for erasure in erasures}
    fresh = await identity.erase(tx, erasure_of, tx.now)
    if not fresh:
        note_changes(tx, {})
        return
    counts = await facts.erase(tx, fresh)
    tx.publish(*(_answer(tx, erasure_of[identity_id], counts[identity_id]) for identity_id in fresh))
    await settle_owners(
        tx,
        {
            owners[identity_id]: Cause(kind="erasure", id=erasure_of[identity_id].erasure_id)
            for identity_id in fresh
        },
    )


def _answer(tx: Tx, erasure: CustomerErased, counts: dict[str, int]) -> ScoringErasureDone:
    return ScoringErasureDone(
        identity_id=erasure.identity_id,
        customer_id=erasure.customer_id,
        occurred_at=tx.now,
        cause=Cause(kind="erasure", id=erasure.erasure_id),
        erasure_id=erasure.erasure_id,
        wiped=tuple(Wiped(kind=kind, count=count) for kind, count in counts.items()),
    )
