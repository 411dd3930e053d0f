"""The invariants of purchases and returns, for `huitou verify` and the running verification."""

from dataclasses import replace

from services.profile.people.queries.ownership import identity_exists
from services.profile.purchases.storage import rows_told
from services.profile.purchases.storage.rules import WALKS, rules
from services.profile.purchases.storage.tables import purchase
from shared.events.profile import PurchaseRecorded, PurchaseReturned
from shared.verify.event_rules import EventRule, Fact, read_rows
from shared.verify.row_rules import invariants_of


def _recorded(event: PurchaseRecorded) -> Fact:
    quantity = sum(line.quantity for line in event.lines)
    return Fact(event.purchase_id, (event.amount_minor, len(event.lines), quantity))


def _returned(event: PurchaseReturned) -> Fact:
    quantity = sum(line.quantity for line in event.lines)
    return Fact(event.return_id, (event.amount_minor, len(event.lines), quantity))


INVARIANTS = replace(
    invariants_of(rules(identity_exists(purchase.c.identity_id)), WALKS),
    event_rules=(
        EventRule("purchase_has_its_event", {PurchaseRecorded: _recorded}, read_rows(rows_told.PURCHASES)),
        EventRule("return_has_its_event", {PurchaseReturned: _returned}, read_rows(rows_told.RETURNS)),
    ),
)
