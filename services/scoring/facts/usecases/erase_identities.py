"""Erase identities: delete everything that is stored of them."""

from collections.abc import Sequence
from dataclasses import replace

from services.scoring.facts.steps.changes import Changes, note_changes
from services.scoring.facts.steps.lock_customers import lock_customers
from services.scoring.facts.steps.settle_owners import settle_owners
from services.scoring.facts.storage import facts
from services.scoring.settings import Settings
from shared import identity
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.events.profile import CustomerErased


async def erase_identities(tx: Tx, context: Context[Settings], erasures: Sequence[CustomerErased]) -> None:
    """Mark identities as erased, and delete their facts, days and states; a repeated erasure changes nothing."""
    owners = await lock_customers(tx, context, (erasure.identity_id for erasure in erasures))
    erasure_ids = {erasure.identity_id: erasure.erasure_id for erasure in erasures}
    fresh = await identity.erase(tx, erasure_ids, tx.now)
    if not fresh:
        note_changes(tx, Changes())
        return
    wiped = await facts.erase(tx, fresh)
    causes = {
        owners[identity_id]: Cause(kind="erasure", id=erasure_ids[identity_id]) for identity_id in fresh
    }
    note_changes(tx, replace(await settle_owners(tx, causes), wiped=wiped))
