"""Earning: a fact becomes lots by the rules in force, and the lots become spendable, pending or pay a debt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from services.loyalty.domain import settling
from services.loyalty.domain.facts import Purchase
from services.loyalty.domain.journal import Journal
from services.loyalty.domain.postings import Account, Cause, CauseKind
from services.loyalty.domain.rules.grants import Grant, Nothing
from services.loyalty.domain.wallets import Lot, Member, Wallet


class Outcome(StrEnum):
    """Why a purchase earned what it did; the ledger says so."""

    EARNED = "earned"
    ZERO = "zero"
    NO_RATE = "no_rate"


def outcome_of(answers: Iterable[Grant | Nothing]) -> Outcome:
    """What the answers of all rules come to."""
    reasons = {Outcome.EARNED if isinstance(answer, Grant) else Outcome(answer.reason) for answer in answers}
    for outcome in (Outcome.EARNED, Outcome.NO_RATE):
        if outcome in reasons:
            return outcome
    return Outcome.ZERO


def earn(
    journal: Journal,
    member: Member,
    wallet: Wallet,
    purchase: Purchase,
    row_id: int,
    grants: Sequence[Grant],
    rulebook: int,
) -> int:
    """Credit what the rules granted for a purchase (row `row_id`) to the buyer's wallet; answers the points."""
    cause = Cause(CauseKind.PURCHASE, row_id)
    for grant in grants:
        lot = Lot(
            id=journal.next_id(),
            wallet=wallet,
            rule=grant.rule,
            rulebook=rulebook,
            issued=grant.points,
            base=grant.base,
            eligible=grant.eligible,
            earned_at=purchase.occurred_at,
            purchase_id=row_id,
            available_at=grant.available_at,
            expires_at=grant.expires_at,
        )
        _issue(journal, member, lot, cause, Account.ISSUED, purchase.occurred_at)
    return sum(grant.points for grant in grants)


def grant_points(
    journal: Journal, member: Member, wallet: Wallet, cause: Cause, points: int, rule: str, at: datetime
) -> None:
    """Credit points that no purchase earned: a remedy, or a manual adjustment upwards. They do not expire."""
    lot = Lot(id=journal.next_id(), wallet=wallet, rule=rule, rulebook=0, issued=points, base=0, earned_at=at)
    source = Account.ADJUSTED if cause.kind is CauseKind.ADJUSTMENT else Account.ISSUED
    _issue(journal, member, lot, cause, source, at)


def _issue(journal: Journal, member: Member, lot: Lot, cause: Cause, source: Account, at: datetime) -> None:
    journal.open(lot)
    member.lots[lot.id] = lot
    target = Account.ACTIVE if lot.available_at is None else Account.PENDING
    journal.post(cause, source, target, lot, lot.issued, at)
    settling.settle_new(journal, lot)
    settling.cover(journal, member, cause, at)
