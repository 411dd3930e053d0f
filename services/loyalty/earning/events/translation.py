"""Translate purchases and returns from the words of the contract into those of the domain."""

from __future__ import annotations

from services.loyalty.purchases.domain.facts import Line, Purchase, Return, UnitRange
from shared.consume import parking
from shared.consume.parking import Parked
from shared.events.profile import PurchaseRecorded, PurchaseReturned


def purchase_of(event: PurchaseRecorded) -> Purchase:
    """Return the purchase that an event tells of."""
    return Purchase(
        purchase_id=event.purchase_id,
        identity_id=event.identity_id,
        customer_id=event.customer_id,
        source=event.source,
        order_id=event.order_id,
        issuer=event.issuer,
        occurred_at=event.occurred_at,
        currency=event.currency,
        amount_minor=event.amount_minor,
        lines=tuple(
            Line(line.quantity, line.amount_minor, line.sku, line.category, line.brand)
            for line in event.lines
        ),
        channel=event.channel,
        store=event.store,
    )


def return_of(event: PurchaseReturned) -> Return:
    """Return the return that an event tells of."""
    return Return(
        return_id=event.return_id,
        purchase_id=event.purchase_id,
        identity_id=event.identity_id,
        source=event.source,
        order_id=event.order_id,
        issuer=event.issuer,
        occurred_at=event.occurred_at,
        units=tuple(UnitRange(line.line, line.unit_from, line.unit_to) for line in event.lines),
    )


def parked_return(parked: Parked) -> Return:
    """Return the return that a parked event tells of."""
    event = parking.event_of(parked)
    assert isinstance(event, PurchaseReturned), "only returns wait for purchases"
    return return_of(event)


def awaited_by(event: PurchaseRecorded | PurchaseReturned) -> str:
    """Return the name of the fact that a return waits for: its purchase."""
    return f"purchase:{event.purchase_id}"
