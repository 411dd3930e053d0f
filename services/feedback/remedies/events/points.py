"""Loyalty's answers to remedies."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from services.feedback.remedies.domain import CAUSE_KIND
from services.feedback.remedies.usecases.refuse_remedies import Refusal, refuse_remedies
from services.feedback.remedies.usecases.settle_remedies import Payment, settle_remedies
from services.feedback.settings import Settings
from shared import identity
from shared.consume import parking
from shared.consume.set_aside import Reason
from shared.context import Context
from shared.db import Tx
from shared.events.base import Event
from shared.events.loyalty import POINTS, PointsEarned, RemedyRefused

PARKED_FOR: Final = timedelta(days=1)
"""The wait of an answer to an unknown remedy, which comes only after an older database was restored."""
WAITING: Final = Reason(
    "remedy_unknown", "This remedy is not known (yet); the answer waits for it for a day."
)


async def lock(tx: Tx, _context: Context[Settings], events: Sequence[Event]) -> None:
    """Lock the identities that a batch of loyalty's answers names; points earned for other causes are not ours.

    The row of the identity is the rendezvous of an answer and its remedy, so no bucket is taken.
    """
    answers = (event for event in events if event.topic is POINTS and _is_answer(event))
    await identity.lock(tx, (name for event in answers for name in event.identities))


async def points_earned(tx: Tx, context: Context[Settings], events: Sequence[PointsEarned]) -> None:
    """Settle the remedies that were paid; points earned for other causes are not ours."""
    paid = {event.cause.id: event for event in events if _is_answer(event)}
    payments = [
        Payment(remedy_id, event.occurred_at, event.transaction_id) for remedy_id, event in paid.items()
    ]
    for remedy_id in await settle_remedies(tx, payments):
        await _park(tx, context, paid[remedy_id], remedy_id)


async def remedy_refused(tx: Tx, context: Context[Settings], events: Sequence[RemedyRefused]) -> None:
    """Mark the remedies that loyalty will not pay."""
    answers = {event.remedy_id: event for event in events}
    refusals = [Refusal(remedy_id, event.code) for remedy_id, event in answers.items()]
    for remedy_id in await refuse_remedies(tx, refusals):
        await _park(tx, context, answers[remedy_id], remedy_id)


def _is_answer(event: Event) -> bool:
    return not isinstance(event, PointsEarned) or event.cause.kind == CAUSE_KIND


async def _park(
    tx: Tx, context: Context[Settings], event: PointsEarned | RemedyRefused, remedy_id: str
) -> None:
    """Park an answer without a rendezvous: new remedies have new ids, so nobody can bring this one meanwhile."""
    await parking.park_event(
        tx,
        context.vault,
        context.settings.service,
        event,
        awaits=f"{CAUSE_KIND}:{remedy_id}",
        deadline_at=tx.now + PARKED_FOR,
        reason=WAITING,
    )
