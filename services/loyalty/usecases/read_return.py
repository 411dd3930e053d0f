"""Read a return out of its event."""

from __future__ import annotations

from services.loyalty.domain.facts import Return, UnitRange
from shared.events.base import Event
from shared.events.profile import PurchaseReturned


def read_return(event: Event) -> Return:
    """The fact in a `purchase_returned`."""
    assert isinstance(event, PurchaseReturned), "only returns wait for purchases"
    return Return(
        return_id=event.return_id,
        purchase_id=event.purchase_id,
        identity_id=event.identity_id,
        source=event.source,
        order_id=event.order_id,
        occurred_at=event.occurred_at,
        units=tuple(UnitRange(line.line, line.unit_from, line.unit_to) for line in event.lines),
    )
