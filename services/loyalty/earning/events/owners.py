"""Handle merges and unmerges, after the members have got their wallets."""

from collections.abc import Sequence

from services.loyalty.earning.usecases.level_members import Parting, level_members
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.profile import CustomerMerged, CustomerUnmerged


async def members_merged(tx: Tx, context: Context[Settings], events: Sequence[CustomerMerged]) -> None:
    """Grant the goals that members reach together."""
    await level_members(tx, context, [_parting(event, takes_back=False) for event in events])


async def members_parted(tx: Tx, context: Context[Settings], events: Sequence[CustomerUnmerged]) -> None:
    """Level both sides to what they bought themselves."""
    await level_members(tx, context, [_parting(event, takes_back=True) for event in events])


def _parting(event: CustomerMerged | CustomerUnmerged, *, takes_back: bool) -> Parting:
    return Parting(
        event.identity_id,
        event.former_customer_id,
        event.ownership_version,
        event.occurred_at,
        event.cause,
        takes_back,
    )
