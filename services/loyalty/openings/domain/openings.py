"""Opening balances: points that members had in another system, each row of it a lot of its own (docs/rules/openings.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.domain.wallets import Lot, Wallet

IMPORT_OPENINGS: Final = "import_opening_balances"
"""The operation by which an import is asked for."""
RULE: Final = "opening"
"""The rule that lots of opening balances name."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Points that a member had in another system. The customer is named by `customer_id` or else by `external_id`, the merchant's own id.

    `source` and `row_id` are the natural key within an issuer. `available_at` None: the points could be spent already.
    `expires_at` None: the programme that was in force when the points were earned says when they expire.
    """

    source: str
    row_id: str
    customer_id: str | None
    external_id: str | None
    points: int
    earned_at: datetime
    available_at: datetime | None
    expires_at: datetime | None

    @property
    def begins_at(self) -> datetime:
        """Return the instant after which the points must expire: they were earned by then and can be spent."""
        return self.earned_at if self.available_at is None else max(self.earned_at, self.available_at)


def expiry_of(opening: Opening, programme: Programme) -> datetime | None:
    """Return the instant at which the points expire; None: never."""
    if opening.expires_at is not None:
        return opening.expires_at
    expiry = programme.at(opening.earned_at).expiry
    return None if expiry is None else expiry.after(opening.earned_at, programme.zone_info)


def slides(opening: Opening, programme: Programme) -> bool:
    """Return whether activities of the member move the expiry of the points."""
    expiry = programme.at(opening.earned_at).expiry
    return opening.expires_at is None and expiry is not None and bool(expiry.slides)


def lot_of(
    journal: Journal, wallet: Wallet, opening: Opening, expires_at: datetime | None, programme: Programme
) -> Lot:
    """Return the new lot of an opening balance."""
    return Lot(
        id=journal.next_id(),
        wallet=wallet,
        rule=RULE,
        rulebook=0,
        issued=opening.points,
        base=0,
        earned_at=opening.earned_at,
        available_at=opening.available_at,
        expires_at=expires_at,
        slides=slides(opening, programme) or None,
    )


def outcome_of(lot: Lot) -> str:
    """Return what has become of a lot that was just booked, in a word of the import's report."""
    if lot.pending:
        return "pending"
    return "expired" if lot.expired == lot.issued else "recorded"
