"""The invariants of remedies."""

from collections.abc import Sequence
from typing import Final

from services.feedback.remedies.storage import remedies
from shared.db import Read
from shared.service import Drift, Invariants, Looked

SETTLED_BY_TRANSACTION: Final = "a remedy is settled by a ledger transaction"


async def verify(read: Read) -> Sequence[Drift]:
    """Return the remedies that are settled without a ledger transaction, or the other way round."""
    return [
        Drift(SETTLED_BY_TRANSACTION, remedy_id, "the other is missing")
        for remedy_id in await remedies.settled_without_transaction(read)
    ]


async def look(read: Read, _after: str) -> Looked:
    """Look at all remedies at once: one statement answers for all of them."""
    return Looked(await verify(read), "")


INVARIANTS = Invariants((SETTLED_BY_TRANSACTION,), look, verify)
