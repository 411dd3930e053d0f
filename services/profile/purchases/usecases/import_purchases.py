"""Import purchases: record those of one piece of a file, and tell which of them are new."""

from collections.abc import Sequence

from services.profile.purchases.domain.purchases import Purchase
from services.profile.purchases.storage import purchases
from services.profile.purchases.usecases.import_entries import Recorded
from services.profile.purchases.usecases.record_purchases import record_purchases
from services.profile.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.errors import DomainError


async def import_purchases(
    tx: Tx, context: Context[Settings], reported: Sequence[Purchase], issuer: str
) -> list[Recorded | DomainError]:
    """Record purchases, and return one outcome per purchase, in order."""
    known = await purchases.find(tx, (purchase.key(issuer) for purchase in reported))
    outcomes = await record_purchases(tx, context, reported, issuer=issuer)
    return [
        outcome
        if isinstance(outcome, DomainError)
        else Recorded(
            "repeated" if outcome.key in known or outcome.booked_at != tx.now else "recorded",
            outcome.purchase_id,
            outcome.order_id,
        )
        for outcome in outcomes
    ]
