"""Handle remedies that an operator granted in feedback."""

from collections.abc import Sequence

from services.loyalty.ledger.steps.lock_wallets import lock_wallets, name_of_identity
from services.loyalty.remedies.events.translation import grant_of, parked_grant
from services.loyalty.remedies.usecases.credit_remedies import credit_remedies
from services.loyalty.settings import Settings
from shared.consume import parking
from shared.consume.parking import find_overdue
from shared.consume.set_aside import Reason
from shared.context import Context
from shared.db import Tx
from shared.events.base import Event
from shared.events.feedback import RemedyGranted
from shared.outbox.due_rows import by_rows

POINTS = "points"
"""The kind of remedy that loyalty credits; it ignores other kinds."""
UNKNOWN = Reason("waiting_for_member", "Nobody has heard of this member yet.")


async def lock(tx: Tx, context: Context[Settings], events: Sequence[Event]) -> None:
    """Lock the wallets of the members that remedies name, and credit the remedies that waited for new members.

    A remedy makes no wallet: no member becomes known by being promised something.
    """
    promised = {event.identity_id for event in events if isinstance(event, RemedyGranted)}
    locked = await lock_wallets(tx, promised, create=False)
    awaited = [name_of_identity(identity_id) for identity_id in locked.created]
    released = await parking.release(tx, context.vault, awaited)
    if released:
        await credit_remedies(tx, context, [parked_grant(parked) for parked in released])


async def remedy_granted(tx: Tx, context: Context[Settings], events: Sequence[RemedyGranted]) -> None:
    """Credit or refuse remedies; a grant for an unknown member waits until its deadline."""
    grants = [grant_of(event) for event in events if event.kind == POINTS]
    waiting = {grant.remedy_id for grant in await credit_remedies(tx, context, grants)}
    for event in {event.remedy_id: event for event in events if event.remedy_id in waiting}.values():
        await parking.park_event(
            tx,
            context.vault,
            context.settings.service,
            event,
            awaits=name_of_identity(event.identity_id),
            deadline_at=event.deadline_at,
            reason=UNKNOWN,
        )


async def end_overdue_remedies(tx: Tx, context: Context[Settings], parked_ids: Sequence[str]) -> int:
    """Look once more for the members that these overdue remedies wait for; without its member a remedy is refused."""
    overdue = await parking.lock(tx, context.vault, parked_ids)
    if overdue:
        await credit_remedies(tx, context, [parked_grant(parked) for parked in overdue], may_wait=False)
        await parking.end(tx, [parked.id for parked in overdue], state="applied", by="deadline")
    return len(overdue)


END_OVERDUE_REMEDIES = by_rows("end_overdue_remedies", find_overdue(RemedyGranted.type), end_overdue_remedies)
