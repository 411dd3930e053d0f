"""Events after which customers are judged again; the facts have handled them before."""

from collections.abc import Sequence

from services.scoring.labels.usecases.restate_changed import restate_changed
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerUnmerged,
    PurchaseRecorded,
    PurchaseReturned,
)


async def facts_changed(
    tx: Tx, context: Context[Settings], events: Sequence[PurchaseRecorded | PurchaseReturned]
) -> None:
    """Judge the customers with new purchases or returns."""
    await restate_changed(tx, context, "purchase")


async def ownership_changed(
    tx: Tx, context: Context[Settings], events: Sequence[CustomerMerged | CustomerUnmerged | CustomerErased]
) -> None:
    """Judge the customers whose identities were moved or erased."""
    await restate_changed(tx, context, "ownership")
