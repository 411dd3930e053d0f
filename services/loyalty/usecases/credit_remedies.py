"""Credit remedies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.loyalty.domain import earning
from services.loyalty.domain.facts import RemedyGrant
from services.loyalty.domain.journal import Journal
from services.loyalty.domain.postings import Cause as Booked
from services.loyalty.domain.postings import CauseKind
from services.loyalty.domain.programme import Programme
from services.loyalty.domain.remedies import Refusal, refusal_of
from services.loyalty.storage import ledger, programmes, remedies, wallets
from services.loyalty.storage.remedies import Answered
from services.loyalty.storage.wallets import Locked
from services.loyalty.usecases.open_journal import open_journal
from services.loyalty.usecases.tell_points import tell_points
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsEarned, RemedyRefused


async def credit_remedies(
    tx: Tx, grants: Sequence[RemedyGrant], *, may_wait: bool = True
) -> list[RemedyGrant]:
    """Pay each remedy once or refuse it once, and answer a repeat as the first time.

    Answers the grants for members nobody has heard of; unless they `may_wait`, those are refused too.
    """
    locked = await wallets.lock(tx, (grant.identity_id for grant in grants), create=False)
    programme = await programmes.current(tx)
    known = await remedies.answered(tx, sorted({grant.remedy_id for grant in grants}))
    fresh = {grant.remedy_id: grant for grant in reversed(grants) if grant.remedy_id not in known}
    waiting = [grant for grant in fresh.values() if may_wait and grant.identity_id not in locked.wallets]
    decided = [grant for grant in fresh.values() if grant not in waiting]
    known |= await _decide(tx, locked, programme, decided)
    for grant in grants:
        if grant.remedy_id in known:
            _tell(tx, locked, programme, grant, known[grant.remedy_id])
    return waiting


async def _decide(
    tx: Tx, locked: Locked, programme: Programme, grants: Sequence[RemedyGrant]
) -> dict[str, Answered]:
    if not grants:
        return {}
    concerned = [grant.identity_id for grant in grants if grant.identity_id in locked.wallets]
    members = [locked.member(identity_id) for identity_id in concerned]
    journal = await open_journal(tx, locked, members, rows=2 * len(grants))
    answers, rows = {}, []
    for grant in grants:
        wallet, row_id = locked.wallets.get(grant.identity_id), journal.next_id()
        refusal = refusal_of(grant, wallet, programme.remedy_points_max)
        if refusal is None and wallet is not None:
            booked = Booked(CauseKind.REMEDY, row_id)
            member = locked.member(grant.identity_id)
            earning.grant_points(journal, member, wallet, booked, grant.points, "remedy", grant.occurred_at)
        answers[grant.remedy_id] = Answered(row_id, grant.points, refusal)
        rows.append(_row(grant, row_id, wallet.id if wallet else None, refusal, journal))
    await remedies.add(tx, rows)
    await ledger.post(tx, journal)
    return answers


def _tell(tx: Tx, locked: Locked, programme: Programme, grant: RemedyGrant, answer: Answered) -> None:
    cause = Cause(kind="remedy", id=grant.remedy_id)
    if answer.refusal is None:
        wallet, booked = locked.wallets[grant.identity_id], Booked(CauseKind.REMEDY, answer.row_id)
        points, at = answer.points, grant.occurred_at
        tell_points(tx, PointsEarned, programme, wallet, points, cause=cause, booked=booked, at=at)
        return
    tx.publish(
        RemedyRefused(
            identity_id=grant.identity_id,
            customer_id=grant.customer_id,
            occurred_at=grant.occurred_at,
            cause=cause,
            remedy_id=grant.remedy_id,
            code=str(answer.refusal),
        )
    )


def _row(
    grant: RemedyGrant, row_id: int, wallet_id: int | None, refusal: Refusal | None, journal: Journal
) -> dict[str, Any]:
    return {
        "id": row_id,
        "remedy_id": grant.remedy_id,
        "complaint_id": grant.complaint_id,
        "wallet_id": wallet_id,
        "identity_id": grant.identity_id,
        "customer_id": grant.customer_id,
        "points": grant.points,
        "refusal": None if refusal is None else refusal.value,
        "occurred_at": grant.occurred_at,
        "booked_at": journal.now,
    }
