"""A customer is forgotten: their words become unreadable, their open complaints end."""

from datetime import datetime, timedelta

from services.feedback.domain.machine import Action, Actor, ActorKind, Asked
from services.feedback.storage import complaints
from services.feedback.usecases.book_transition import book_transition
from services.feedback.usecases.refold_clocks import refold_clocks
from shared import identity
from shared.db import Tx
from shared.events.base import Cause
from shared.events.erasure import Wiped
from shared.events.feedback import FeedbackErasureDone
from shared.vault import Vault


async def erase_customer(
    tx: Tx, vault: Vault, *, identity_id: str, erasure_id: str, erased_at: datetime, grace: timedelta
) -> None:
    """Withdraw the identity's open complaints, destroy its key and answer the erasure."""
    owner = (await identity.lock(tx, [identity_id]))[identity_id]
    if owner.erased_at is None:
        await _withdraw(tx, identity_id, grace)
        await identity.erase(tx, [identity_id], erased_at)
    keys = await vault.destroy(tx, [identity_id])
    wiped = await complaints.count_of(tx, identity_id) if keys else 0
    tx.publish(
        FeedbackErasureDone(
            identity_id=identity_id,
            customer_id=owner.owner_id,
            occurred_at=tx.now,
            cause=Cause(kind="erasure", id=erasure_id),
            erasure_id=erasure_id,
            wiped=(Wiped(kind="subject_key", count=keys), Wiped(kind="complaint_text", count=wiped)),
        )
    )


async def _withdraw(tx: Tx, identity_id: str, grace: timedelta) -> None:
    """End what is open, in the name of the customer who asked to be forgotten."""
    found = await complaints.lock_all(tx, await complaints.open_of(tx, identity_id))
    for complaint in found.values():
        asked = Asked(Action.WITHDRAW, Actor(ActorKind.CUSTOMER, identity_id), tx.now, reason="erasure")
        await book_transition(tx, complaint, asked, None)
    if found:
        await refold_clocks(tx, sorted(found), grace)
