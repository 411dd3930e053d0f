"""The invariants of orders: each is a purchase that was told."""

from services.feedback.orders.storage import orders
from shared.events.profile import PurchaseRecorded, PurchaseReturned
from shared.service import Invariants
from shared.verify.event_rules import EventRule, Fact, read_rows
from shared.verify.kernel_rules import erased_identities


def _recorded(event: PurchaseRecorded) -> Fact:
    return Fact(event.purchase_id, (event.amount_minor,))


def _returned(event: PurchaseReturned) -> Fact:
    return Fact(event.return_id, (event.amount_minor,))


INVARIANTS = Invariants(
    event_rules=(
        EventRule(
            "order_has_its_event",
            {PurchaseRecorded: _recorded},
            read_rows(orders.ORDERS),
            erased=erased_identities,
        ),
        EventRule(
            "return_has_its_event",
            {PurchaseReturned: _returned},
            read_rows(orders.RETURNS),
            erased=erased_identities,
        ),
    )
)
