"""Import purchases: record those of one piece of a file."""

from collections.abc import Sequence

from services.profile.purchases.domain.purchases import Purchase
from services.profile.purchases.storage import purchases
from services.profile.purchases.usecases.record_purchases import record_purchases
from services.profile.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.errors import DomainError
from shared.files.importing import import_entries
from shared.files.imports import Recorded, RequestReader
from shared.jobs import Held, Step


async def import_purchases(
    tx: Tx, context: Context[Settings], held: Held, *, reader: RequestReader[Purchase]
) -> Step:
    """Record the purchases of the next piece of a file, and say which of them are new."""

    async def record(reported: Sequence[Purchase]) -> list[Recorded | DomainError]:
        known = await purchases.find(tx, (purchase.key(held.issuer) for purchase in reported))
        outcomes = await record_purchases(tx, context, reported, issuer=held.issuer)
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

    return await import_entries(tx, held, reader, record)
