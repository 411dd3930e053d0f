"""Ownership: merge and unmerge change the owner of a wallet, and nothing in the ledger but debts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.loyalty.ledger.domain import settling
from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.postings import Account, PostingCause
from services.loyalty.ledger.domain.wallets import HoldEnd, Lot, Member, Wallet


@dataclass(frozen=True, slots=True)
class OwnerMove:
    """An identity belongs to another customer from now on; the greatest `ownership_version` wins."""

    identity_id: str
    owner_id: str
    ownership_version: int
    occurred_at: datetime


def move(
    journal: Journal,
    source: Member,
    target: Member,
    wallet: Wallet,
    ownership_version: int,
    cause: PostingCause,
    at: datetime,
) -> None:
    """Give `wallet` from member `source` to member `target`, both with all their open lots and holds.

    Holds on both sides of the cut are cancelled, and debts that were paid across it are undone; afterwards each side pays its own. A move
    to the same owner is a newer version and nothing else.
    """
    wallet.ownership_version = ownership_version
    journal.touch(wallet)
    if source is target:
        return
    _cancel_across(journal, source, wallet)
    _uncover_across(journal, source.lots.values(), wallet, cause, at)
    source.wallets.remove(wallet)
    target.wallets.append(wallet)
    moved = [lot for lot in source.lots.values() if lot.wallet is wallet]
    for lot in moved:
        target.lots[lot.id] = source.lots.pop(lot.id)
    for hold in [hold for hold in source.holds.values() if hold.wallet is wallet]:
        target.holds[hold.id] = source.holds.pop(hold.id)
    wallet.owner_id = target.owner_id
    for member in (source, target):
        _count(journal, member)
        settling.cover(journal, member, cause, at)


def _cancel_across(journal: Journal, member: Member, wallet: Wallet) -> None:
    """Cancel the holds that concern `wallet` and other wallets of a member."""
    across = [hold for hold in member.holds.values() if wallet.id in hold.wallets and len(hold.wallets) > 1]
    for hold in sorted(across, key=lambda hold: hold.id):
        settling.release(journal, member, hold, HoldEnd.CANCELLED, journal.now)


def _uncover_across(
    journal: Journal, lots: Iterable[Lot], wallet: Wallet, cause: PostingCause, at: datetime
) -> None:
    """Give back payments between lots of `wallet` and lots of other wallets."""
    debtors = sorted((lot for lot in lots if lot.covered), key=lambda lot: (lot.earned_at, lot.id))
    for debtor in debtors:
        for payment in reversed(debtor.payers.copy()):
            is_across = (payment.payer.wallet is wallet) != (debtor.wallet is wallet)
            if is_across and payment.points:
                origin = settling.Origin(Account.DEFICIT, debtor)
                settling.credit(journal, cause, origin, payment.payer, payment.points, at)


def _count(journal: Journal, member: Member) -> None:
    """Write on every wallet how many its owner has, so that a reader can tell a whole group from a part."""
    for wallet in member.wallets:
        if wallet.group_size != len(member.wallets):
            wallet.group_size = len(member.wallets)
            journal.touch(wallet)
