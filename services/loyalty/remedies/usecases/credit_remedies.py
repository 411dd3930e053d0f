"""Credit remedies."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.ledger.domain import granting
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.programme import current_programme
from services.loyalty.ledger.steps.tell_points import MovedPoints, tell_points
from services.loyalty.remedies.domain.remedies import RemedyGrant, refusal_of
from services.loyalty.remedies.storage import remedies
from services.loyalty.remedies.storage.remedies import Answer
from services.loyalty.remedies.storage.tables import RemedyRecord
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsEarned, RemedyRefused
from shared.vault import Numbers


async def credit_remedies(
    tx: Tx, context: Context[Settings], grants: Sequence[RemedyGrant], *, may_wait: bool = True
) -> list[RemedyGrant]:
    """Credit each remedy once or refuse it once, and answer a repeat as the first time.

    Return the grants whose member is unknown; unless they `may_wait`, those are refused as well.
    """
    locked = await lock_wallets(tx, (grant.identity_id for grant in grants), create=False)
    programme = await current_programme(tx)
    answers = await remedies.answered(tx, sorted({grant.remedy_id for grant in grants}))
    fresh = {grant.remedy_id: grant for grant in reversed(grants) if grant.remedy_id not in answers}
    waiting = [grant for grant in fresh.values() if may_wait and grant.identity_id not in locked.wallets]
    answers |= await _decide(tx, locked, [grant for grant in fresh.values() if grant not in waiting])
    for grant in grants:
        if grant.remedy_id in answers:
            _tell(tx, context.vault.numbers, locked, programme, grant, answers[grant.remedy_id])
    return waiting


async def _decide(tx: Tx, locked: Locked, grants: Sequence[RemedyGrant]) -> dict[str, Answer]:
    """Credit or refuse these remedies, and return the answers by remedy id."""
    if not grants:
        return {}
    known = [grant.identity_id for grant in grants if grant.identity_id in locked.wallets]
    members = [locked.member(identity_id) for identity_id in known]
    booking = await open_booking(tx, locked, members, rows=2 * len(grants))
    records = [_book(booking, grant) for grant in grants]
    await remedies.add(tx, records)
    await close_booking(booking)
    return {
        record.remedy_id: Answer(record.id, record.remedy_id, record.points, record.refusal)
        for record in records
    }


def _book(booking: Booking, grant: RemedyGrant) -> RemedyRecord:
    """Credit or refuse one remedy, and return its row."""
    locked, journal = booking.locked, booking.journal
    wallet, posted = locked.wallets.get(grant.identity_id), PostingCause(CauseKind.REMEDY, journal.next_id())
    refusal = refusal_of(grant, wallet, booking.programme.at(grant.occurred_at).remedy_points_max)
    if refusal is None and wallet is not None:
        member = locked.member(grant.identity_id)
        granting.grant_points(journal, member, wallet, posted, grant.points, "remedy", grant.occurred_at)
    return RemedyRecord(
        id=posted.id,
        remedy_id=grant.remedy_id,
        complaint_id=grant.complaint_id,
        wallet_id=None if wallet is None else wallet.id,
        identity_id=grant.identity_id,
        customer_id=grant.customer_id,
        points=grant.points,
        refusal=None if refusal is None else refusal.value,
        occurred_at=grant.occurred_at,
        booked_at=journal.now,
    )


def _tell(
    tx: Tx, numbers: Numbers, locked: Locked, programme: Programme, grant: RemedyGrant, answer: Answer
) -> None:
    """Publish that a remedy was credited or refused."""
    cause = Cause(kind="remedy", id=grant.remedy_id)
    if answer.refusal is None:
        wallet, posted = locked.wallets[grant.identity_id], PostingCause(CauseKind.REMEDY, answer.id)
        moved = MovedPoints(wallet, answer.points, cause, posted, grant.occurred_at)
        tell_points(tx, numbers, programme, PointsEarned, moved)
        return
    tx.publish(
        RemedyRefused(
            identity_id=grant.identity_id,
            customer_id=grant.customer_id,
            occurred_at=grant.occurred_at,
            cause=cause,
            remedy_id=grant.remedy_id,
            code=answer.refusal,
        )
    )
