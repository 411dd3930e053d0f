"""The invariants of purchases and returns: units go back once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from services.loyalty.ledger.domain.postings import CauseKind
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.queries import wallets
from services.loyalty.ledger.queries.verifying import missing_facts, over_wallets
from services.loyalty.purchases.domain import attribution
from services.loyalty.purchases.storage import purchases
from shared.db import Read
from shared.events.profile import PurchaseRecorded, PurchaseReturned
from shared.speech import words
from shared.verify.event_rules import EventRule, Fact, read_rows
from shared.verify.invariants import Drift


async def check(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Look for units that went back twice, and for postings without their purchase or return."""
    rows = await purchases.rows_of_wallets(read, [wallet.id for wallet in page])
    returned = await purchases.returned_units(read, rows)
    twice = [
        Drift("units_go_back_once", f"purchase {row_id}", words(__name__, "drift_shared_unit"))
        for row_id, units in returned.items()
        if any(attribution.overlapping(units))
    ]
    return twice + await missing_facts(read, page, (CauseKind.PURCHASE, CauseKind.RETURN), _known)


async def _known(read: Read, kind: CauseKind, row_ids: Sequence[int]) -> Collection[int]:
    known = purchases.known_rows if kind is CauseKind.PURCHASE else purchases.known_return_rows
    return await known(read, row_ids)


def _recorded(event: PurchaseRecorded) -> Fact:
    return Fact(event.purchase_id, (event.amount_minor,))


def _returned(event: PurchaseReturned) -> Fact:
    return Fact(event.return_id)


INVARIANTS = replace(
    over_wallets(("units_go_back_once",), check),
    event_rules=(
        EventRule(
            "purchase_has_its_event",
            {PurchaseRecorded: _recorded},
            read_rows(purchases.RECORDED),
            erased=wallets.erased,
        ),
        EventRule(
            "return_has_its_event",
            {PurchaseReturned: _returned},
            read_rows(purchases.RETURNED),
            erased=wallets.erased,
        ),
    ),
)
"""The rule "cause_has_a_fact" is declared by the ledger and shared by every capability that keeps facts."""
