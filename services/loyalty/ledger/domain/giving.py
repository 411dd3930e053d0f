"""Giving: points of a member's lots become lots of another member, with the dates that they had (docs/rules/transfers.md)."""

from __future__ import annotations

from typing import Final

from services.loyalty.ledger.domain import settling
from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.postings import Account, PostingCause
from services.loyalty.ledger.domain.wallets import Lot, Member, Wallet
from services.loyalty.ledger.refusals import InsufficientPoints

RULE: Final = "transfer"
"""The rule that lots of given points name."""


def give(
    journal: Journal, sender: Member, receiver: Member, target: Wallet, cause: PostingCause, points: int
) -> None:
    """Move points from the sender's lots to the wallet `target` of the receiver, those that expire first going first, or refuse.

    Each lot that gives makes one lot of the receiver. The sender's loaded lots must hold enough points, or be all lots of the
    sender; those of a receiver that owes points must be loaded. Raises InsufficientPoints.
    """
    active = sender.balance().active
    if points > active:
        raise InsufficientPoints(active=active, asked=points)
    parts: list[tuple[Lot, int]] = []
    for lot in sender.spendable():
        taken = min(points, lot.remaining)
        parts.append((lot, taken))
        points -= taken
        if not points:
            break
    assert points == 0, "the wallet says there was enough, its lots do not"
    settling.book_at_one_time(journal, [target, *(lot.wallet for lot, _ in parts)])
    for lot, taken in parts:
        given = Lot(
            id=journal.next_id(),
            wallet=target,
            rule=RULE,
            rulebook=0,
            issued=taken,
            base=0,
            earned_at=lot.earned_at,
            origin_lot_id=lot.id,
            expires_at=lot.expires_at,
        )
        journal.open(given)
        receiver.lots[given.id] = given
        journal.post(cause, Account.ACTIVE, Account.ACTIVE, lot, taken, journal.now, to_lot=given)
        settling.settle_new(journal, given)
    settling.cover(journal, receiver, cause, journal.now)


def given_by_wallet(journal: Journal, cause: PostingCause) -> dict[int, int]:
    """Return the points that each wallet (by id) gave because of a transfer."""
    points: dict[int, int] = {}
    for posting in journal.postings:
        if posting.cause == cause and posting.to_account is Account.ACTIVE:
            points[posting.wallet_id] = points.get(posting.wallet_id, 0) + posting.points
    return points
