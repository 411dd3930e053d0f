"""Loyalty's answers to remedies."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from services.feedback.usecases.refuse_remedies import Refusal, refuse_remedies
from services.feedback.usecases.settle_remedies import Payment, settle_remedies
from shared.consume import parking
from shared.consume.handlers import Handle
from shared.consume.set_aside import Reason
from shared.db import Tx
from shared.events.loyalty import PointsEarned, RemedyRefused
from shared.vault import Vault

CONSUMER: Final = "feedback"
REMEDY: Final = "remedy"
PARKED_FOR: Final = timedelta(days=1)
"""An answer to a remedy nobody knows exists only after an older database was restored: it waits, then a person looks."""
WAITING: Final = Reason(
    "remedy_unknown", "This remedy is not known (yet); the answer waits for it for a day."
)


def earned(vault: Callable[[], Vault]) -> Handle:
    """Settle the remedies that were paid; points earned for anything else are not ours."""

    async def apply(tx: Tx, events: Sequence[PointsEarned]) -> None:
        paid = {event.cause.id: event for event in events if event.cause.kind == REMEDY}
        payments = [Payment(key, event.occurred_at, event.transaction_id) for key, event in paid.items()]
        for remedy_id in await settle_remedies(tx, payments):
            await _park(tx, vault(), paid[remedy_id], remedy_id)

    return apply


def refused(vault: Callable[[], Vault]) -> Handle:
    """Mark the remedies that loyalty will not pay."""

    async def apply(tx: Tx, events: Sequence[RemedyRefused]) -> None:
        answers = {event.remedy_id: event for event in events}
        refusals = [Refusal(key, event.code) for key, event in answers.items()]
        for remedy_id in await refuse_remedies(tx, refusals):
            await _park(tx, vault(), answers[remedy_id], remedy_id)

    return apply


async def _park(tx: Tx, vault: Vault, event: PointsEarned | RemedyRefused, remedy_id: str) -> None:
    """No rendezvous: remedies are granted under ids that are new, so nobody can bring this one meanwhile."""
    await parking.park_event(
        tx,
        vault,
        CONSUMER,
        event,
        awaits=f"{REMEDY}:{remedy_id}",
        deadline_at=tx.now + PARKED_FOR,
        reason=WAITING,
    )
