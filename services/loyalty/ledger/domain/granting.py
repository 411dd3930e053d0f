"""Granting: new lots become spendable or pending, or pay a debt."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.ledger.domain import settling
from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Lot, Member, Wallet


def grant_points(
    journal: Journal,
    member: Member,
    wallet: Wallet,
    cause: PostingCause,
    points: int,
    rule: str,
    at: datetime,
) -> None:
    """Credit points that no purchase earned: a remedy, or a manual adjustment upwards. They do not expire."""
    lot = Lot(id=journal.next_id(), wallet=wallet, rule=rule, rulebook=0, issued=points, base=0, earned_at=at)
    source = Account.ADJUSTED if cause.kind is CauseKind.ADJUSTMENT else Account.ISSUED
    issue(journal, member, lot, cause, source, at)


def issue(
    journal: Journal, member: Member, lot: Lot, cause: PostingCause, source: Account, at: datetime
) -> None:
    """Book a new lot of a member, and settle what of it is due already."""
    journal.open(lot)
    member.lots[lot.id] = lot
    target = Account.ACTIVE if lot.available_at is None else Account.PENDING
    if not lot.issued:  # a cap of the member cut it to nothing; what was wanted may count later
        return
    journal.post(cause, source, target, lot, lot.issued, at)
    settling.settle_new(journal, lot)
    settling.cover(journal, member, cause, at)
