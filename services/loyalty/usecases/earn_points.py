"""Earn points for purchases."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.domain import earning, tiers
from services.loyalty.domain.facts import Purchase
from services.loyalty.domain.postings import Cause as Booked
from services.loyalty.domain.postings import CauseKind
from services.loyalty.domain.programme import Programme
from services.loyalty.domain.rules.grants import Grant
from services.loyalty.domain.tiers import Counted
from services.loyalty.storage import ledger, programmes, purchases, wallets
from services.loyalty.storage.wallets import Locked
from services.loyalty.usecases.count_spend import count_spend
from services.loyalty.usecases.open_journal import open_journal
from services.loyalty.usecases.tell_points import tell_points
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsEarned


async def earn_points(tx: Tx, facts: Sequence[Purchase]) -> None:
    """Credit purchases to their members by the rules in force then, once each; erased members earn nothing."""
    locked = await wallets.lock(tx, (fact.identity_id for fact in facts))
    fresh = await _fresh(tx, locked, facts)
    if not fresh:
        return
    programme = await programmes.current(tx)
    members = [locked.member(fact.identity_id) for fact in fresh]
    decided = [_decide(programme, fact) for fact in fresh]
    rows = sum(1 + 2 * len(grants) for grants, _, _ in decided)  # the fact, and a lot and a posting a grant
    journal = await open_journal(tx, locked, members, rows=rows)
    counted, stored = [], []
    for fact, member, (grants, outcome, rulebook) in zip(fresh, members, decided, strict=True):
        wallet, row_id = locked.wallets[fact.identity_id], journal.next_id()
        cause = Cause(kind="purchase", id=fact.purchase_id)
        points = earning.earn(journal, member, wallet, fact, row_id, grants, rulebook)
        journal.touch(wallet)
        stored.append(purchases.row_of(fact, row_id, wallet, outcome))
        if points:
            booked = Booked(CauseKind.PURCHASE, row_id)
            tell_points(
                tx, PointsEarned, programme, wallet, points, cause=cause, booked=booked, at=fact.occurred_at
            )
        if fact.currency == programme.currency:
            spend = tiers.spend_of(programme, fact.occurred_at, fact.amount_minor)
            counted.append(Counted(wallet, spend, fact.occurred_at, cause))
    await count_spend(tx, locked, programme, journal, counted)
    await purchases.add(tx, stored)
    await ledger.post(tx, journal)


async def _fresh(tx: Tx, locked: Locked, facts: Sequence[Purchase]) -> list[Purchase]:
    living = {
        fact.purchase_id: fact
        for fact in reversed(facts)
        if locked.wallets[fact.identity_id].erased_at is None
    }
    known = await purchases.known(tx, sorted(living))
    return [fact for fact in facts if living.get(fact.purchase_id) is fact and fact.purchase_id not in known]


def _decide(programme: Programme, fact: Purchase) -> tuple[list[Grant], earning.Outcome, int]:
    rulebook = programme.rulebook_at(fact.occurred_at)
    answers = rulebook.answers(fact, programme.zone_info)
    grants = [answer for answer in answers if isinstance(answer, Grant)]
    return grants, earning.outcome_of(answers), rulebook.version
