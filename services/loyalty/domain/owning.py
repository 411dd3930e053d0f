"""Whose a wallet is: merge and unmerge change its owner and nothing in the ledger but debts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.loyalty.domain import settling
from services.loyalty.domain.journal import Journal
from services.loyalty.domain.postings import Account, Cause
from services.loyalty.domain.wallets import Lot, Member, Wallet


def move(
    journal: Journal,
    source: Member,
    target: Member,
    wallet: Wallet,
    ownership_version: int,
    cause: Cause,
    at: datetime,
) -> None:
    """Give `wallet` from member `source` to member `target`, both with all their open lots.

    Debts that were paid across the cut are undone; afterwards each side pays its own. A move to the same owner is
    a newer version and nothing else.
    """
    wallet.ownership_version = ownership_version
    journal.touch(wallet)
    if source is target:
        return
    _uncover_across(journal, source.lots.values(), wallet, cause, at)
    source.wallets.remove(wallet)
    target.wallets.append(wallet)
    moved = [lot for lot in source.lots.values() if lot.wallet is wallet]
    for lot in moved:
        target.lots[lot.id] = source.lots.pop(lot.id)
    wallet.owner_id = target.owner_id
    for member in (source, target):
        _count(journal, member)
        settling.cover(journal, member, cause, at)


def _uncover_across(
    journal: Journal, lots: Iterable[Lot], wallet: Wallet, cause: Cause, at: datetime
) -> None:
    debtors = sorted((lot for lot in lots if lot.covered), key=lambda lot: (lot.earned_at, lot.id))
    for debtor in debtors:
        for payment in reversed(debtor.payers.copy()):
            is_across = (payment.payer.wallet is wallet) != (debtor.wallet is wallet)
            if is_across and payment.points:
                origin = settling.Origin(Account.DEFICIT, debtor)
                settling.credit(journal, cause, origin, payment.payer, payment.points, at)


def _count(journal: Journal, member: Member) -> None:
    """Every wallet knows how many its owner has, so that a reader can tell a whole group from a part."""
    for wallet in member.wallets:
        if wallet.group_size != len(member.wallets):
            wallet.group_size = len(member.wallets)
            journal.touch(wallet)
