"""The events of purchases and their returns. An anonymous purchase has none until it is claimed."""

from collections.abc import Sequence

from services.profile.purchases.storage.returns import RecordedReturn
from services.profile.purchases.storage.tables import PurchaseLineRecord, PurchaseRecord
from shared.events.base import Cause
from shared.events.profile import PurchaseLine, PurchaseRecorded, PurchaseReturned, ReturnedLine


def recorded_event(record: PurchaseRecord, lines: Sequence[PurchaseLineRecord]) -> PurchaseRecorded:
    """Return the event of a purchase that belongs to somebody."""
    assert record.customer_id is not None, "an identity has an owner"
    return PurchaseRecorded(
        identity_id=record.holder,
        customer_id=record.customer_id,
        occurred_at=record.purchased_at,
        cause=Cause(kind="purchase", id=record.purchase_id),
        purchase_id=record.purchase_id,
        source=record.source,
        order_id=record.order_id,
        issuer=record.issuer,
        currency=record.currency,
        amount_minor=record.amount_minor,
        channel=record.channel,
        store=record.store,
        lines=tuple(
            PurchaseLine(
                line=line.line,
                sku=line.sku,
                quantity=line.quantity,
                amount_minor=line.amount_minor,
                category=line.category,
                brand=line.brand,
            )
            for line in lines
        ),
    )


def returned_event(recorded: RecordedReturn, purchase: PurchaseRecord, customer_id: str) -> PurchaseReturned:
    """Return the event of a return of a purchase that belongs to somebody, now the customer `customer_id`."""
    record = recorded.record
    return PurchaseReturned(
        identity_id=purchase.holder,
        customer_id=customer_id,
        occurred_at=record.returned_at,
        cause=Cause(kind="return", id=record.return_id),
        return_id=record.return_id,
        purchase_id=record.purchase_id,
        source=purchase.source,
        order_id=purchase.order_id,
        issuer=purchase.issuer,
        purchased_at=purchase.purchased_at,
        currency=purchase.currency,
        amount_minor=record.amount_minor,
        lines=tuple(
            ReturnedLine(
                line=line.line,
                quantity=line.quantity,
                unit_from=line.unit_from,
                unit_to=line.unit_to,
                amount_minor=line.amount_minor,
            )
            for line in recorded.lines
        ),
    )
