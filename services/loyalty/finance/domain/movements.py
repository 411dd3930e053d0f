"""The movements of a period, as accountants name them: what members had before, what came and went, what they have after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from services.loyalty.ledger.domain.counting import MEMBERS
from services.loyalty.ledger.domain.postings import Account
from services.loyalty.ledger.domain.sums import Flow


class Movement(StrEnum):
    """The name of a movement between the programme and its members."""

    ISSUED = "issued"
    RETURNED = "returned"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    REVERSED = "reversed"
    ADJUSTED = "adjusted"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Names:
    """The movement by which points come out of an account of the programme, and that by which they go into it."""

    out: Movement
    into: Movement


NAMES: Mapping[Account, Names] = {
    Account.ISSUED: Names(Movement.ISSUED, Movement.REVERSED),
    Account.REDEEMED: Names(Movement.RETURNED, Movement.REDEEMED),
    Account.EXPIRED: Names(Movement.EXPIRED, Movement.EXPIRED),
    Account.ADJUSTED: Names(Movement.ADJUSTED, Movement.ADJUSTED),
    Account.OPENING: Names(Movement.IMPORTED, Movement.IMPORTED),
    Account.PARTNER_FUNDING: Names(Movement.ISSUED, Movement.REVERSED),
    Account.PARTNER_RECEIVABLE: Names(Movement.RETURNED, Movement.REDEEMED),
}
"""The movements of each account of the programme. Every account is here, or is one of the members'."""
LOSSES: frozenset[Movement] = frozenset({Movement.REDEEMED, Movement.EXPIRED, Movement.REVERSED})
"""The movements that are told as what members lose by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollForward:
    """The points of members before a period, its movements, and their points after it: opening + issued + returned - redeemed - expired
    - reversed + adjusted + imported = closing."""

    opening: int
    issued: int = 0
    returned: int = 0
    redeemed: int = 0
    expired: int = 0
    reversed: int = 0
    adjusted: int = 0
    imported: int = 0

    @property
    def closing(self) -> int:
        """Return what members have at the end of the period."""
        gained = self.issued + self.returned + self.adjusted + self.imported
        return self.opening + gained - self.redeemed - self.expired - self.reversed


def roll_forward(opening: int, flows: Iterable[Flow]) -> RollForward:
    """Return the roll-forward of a period. A flow between two accounts of the programme is two movements that cancel out."""
    sums = dict.fromkeys(Movement, 0)
    for flow in flows:
        for account, sign in ((flow.from_account, 1), (flow.to_account, -1)):
            if account in MEMBERS:
                continue
            names = NAMES[Account(account)]
            movement = names.out if sign > 0 else names.into
            sums[movement] += sign * flow.points * (-1 if movement in LOSSES else 1)
    return replace(
        RollForward(opening=opening), **{movement.value: points for movement, points in sums.items()}
    )
