"""Loyalty's answers to remedies."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from services.feedback.settings import Settings
from services.feedback.usecases.refuse_remedies import Refusal, refuse_remedies
from services.feedback.usecases.settle_remedies import Payment, settle_remedies
from shared.consume import parking
from shared.consume.set_aside import Reason
from shared.context import Context
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


async def earned(tx: Tx, context: Context[Settings], events: Sequence[PointsEarned]) -> None:
    """Settle the remedies that were paid; points earned for anything else are not ours."""
    paid = {event.cause.id: event for event in events if event.cause.kind == REMEDY}
    payments = [Payment(key, event.occurred_at, event.transaction_id) for key, event in paid.items()]
    for remedy_id in await settle_remedies(tx, payments):
        await _park(tx, context.vault, paid[remedy_id], remedy_id)


async def refused(tx: Tx, context: Context[Settings], events: Sequence[RemedyRefused]) -> None:
    """Mark the remedies that loyalty will not pay."""
    answers = {event.remedy_id: event for event in events}
    refusals = [Refusal(key, event.code) for key, event in answers.items()]
    for remedy_id in await refuse_remedies(tx, refusals):
        await _park(tx, context.vault, answers[remedy_id], remedy_id)


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
