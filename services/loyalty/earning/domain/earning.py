"""Earning: a purchase becomes lots by the rules in force at its time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from services.loyalty.earning.domain.rulebook import Rulebooks
from services.loyalty.earning.domain.rules.grants import Grant, Nothing
from services.loyalty.ledger.domain import granting
from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.postings import Account, PostingCause
from services.loyalty.ledger.domain.wallets import Lot, Member, Wallet
from services.loyalty.purchases.domain.facts import Purchase


class Outcome(StrEnum):
    """The reasons why a purchase earned what it did; the member's ledger shows them."""

    EARNED = "earned"
    ZERO = "zero"
    NO_RATE = "no_rate"


def outcome_of(answers: Iterable[Grant | Nothing]) -> Outcome:
    """Return the outcome that the answers of all rules come to."""
    reasons = {Outcome.EARNED if isinstance(answer, Grant) else Outcome(answer.reason) for answer in answers}
    for outcome in (Outcome.EARNED, Outcome.NO_RATE):
        if outcome in reasons:
            return outcome
    return Outcome.ZERO


@dataclass(frozen=True, slots=True)
class Decision:
    """A purchase with the grants of the rules in force at its time; each grant becomes a lot."""

    purchase: Purchase
    grants: tuple[Grant, ...]
    outcome: Outcome
    rulebook: int
    """The version of the rulebook."""

    @property
    def points(self) -> int:
        """The points of all grants."""
        return sum(grant.points for grant in self.grants)

    @property
    def rows(self) -> int:
        """The number of ids that the purchase takes: its own, and those of a lot and a posting per grant."""
        return 1 + 2 * len(self.grants)


def decide(rulebooks: Rulebooks, purchase: Purchase, zone: ZoneInfo) -> Decision:
    """Return what a purchase earns by the rules in force when it happened."""
    rulebook = rulebooks.at(purchase.occurred_at)
    answers = rulebook.answers(purchase, zone)
    grants = tuple(answer for answer in answers if isinstance(answer, Grant))
    return Decision(purchase, grants, outcome_of(answers), rulebook.version)


def earn(journal: Journal, member: Member, wallet: Wallet, decision: Decision, cause: PostingCause) -> None:
    """Credit what the rules granted for a purchase to the wallet of its buyer."""
    at = decision.purchase.occurred_at
    for grant in decision.grants:
        lot = Lot(
            id=journal.next_id(),
            wallet=wallet,
            rule=grant.rule,
            rulebook=decision.rulebook,
            issued=grant.points,
            base=grant.base,
            eligible=grant.eligible,
            earned_at=at,
            purchase_id=cause.id,
            available_at=grant.available_at,
            expires_at=grant.expires_at,
        )
        granting.issue(journal, member, lot, cause, Account.ISSUED, at)
