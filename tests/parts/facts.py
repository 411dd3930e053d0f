"""Builders of the events that services tell each other; what a test does not name has a plain default."""

from collections.abc import Sequence
from datetime import datetime

from shared.events.base import SHOP, Cause
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    CustomerUpdated,
    PurchaseLine,
    PurchaseRecorded,
    PurchaseReturned,
    ReturnedLine,
)
from shared.ids import new_id

Units = tuple[int, int, int]
"""Units of one line: the line's number, the first unit and the last."""


def registered(
    identity_id: str,
    at: datetime,
    *,
    origin: str = "api",
    issuer: str = SHOP,
    references: Sequence[str] = (),
) -> CustomerRegistered:
    """Build the registration of a customer that an issuer brought."""
    return CustomerRegistered(
        identity_id=identity_id,
        customer_id=identity_id,
        occurred_at=at,
        cause=Cause(kind="registration", id=identity_id),
        origin=origin,
        issuer=issuer,
        references=tuple(references),
    )


def updated(
    identity_id: str, at: datetime, *, version: int, references: Sequence[str] = ()
) -> CustomerUpdated:
    """Build the update that tells all references of an identity."""
    return CustomerUpdated(
        identity_id=identity_id,
        customer_id=identity_id,
        occurred_at=at,
        cause=Cause(kind="registration", id=identity_id),
        record_version=version,
        references=tuple(references),
    )


def purchase(
    identity_id: str,
    at: datetime,
    lines: Sequence[PurchaseLine],
    *,
    id: str | None = None,
    source: str = "web",
    order_id: str | None = None,
    currency: str = "CNY",
    issuer: str = SHOP,
) -> PurchaseRecorded:
    """Build a purchase of these lines; its order is named after it unless `order_id` is given."""
    purchase_id = id or new_id("pur")
    return PurchaseRecorded(
        identity_id=identity_id,
        customer_id=identity_id,
        occurred_at=at,
        cause=Cause(kind="purchase", id=purchase_id),
        purchase_id=purchase_id,
        source=source,
        order_id=order_id or purchase_id,
        issuer=issuer,
        currency=currency,
        amount_minor=sum(line.amount_minor for line in lines),
        lines=tuple(lines),
    )


def line(sku: str, quantity: int, amount_minor: int, *, number: int = 1) -> PurchaseLine:
    """Build one line of a purchase; `amount_minor` is of all its units."""
    return PurchaseLine(line=number, sku=sku, quantity=quantity, amount_minor=amount_minor)


def returned(
    purchase: PurchaseRecorded, at: datetime, units: Sequence[Units], *, amounts: Sequence[int] | None = None
) -> PurchaseReturned:
    """Build the return of units of a purchase, worth their share of the line unless `amounts` says otherwise."""
    lines = []
    for number, (line_number, first, last) in enumerate(units):
        bought = purchase.lines[line_number - 1]
        share = (
            bought.amount_minor * last // bought.quantity
            - bought.amount_minor * (first - 1) // bought.quantity
        )
        lines.append(
            ReturnedLine(
                line=line_number,
                quantity=last - first + 1,
                unit_from=first,
                unit_to=last,
                amount_minor=share if amounts is None else amounts[number],
            )
        )
    return_id = new_id("ret")
    return PurchaseReturned(
        identity_id=purchase.identity_id,
        customer_id=purchase.customer_id,
        occurred_at=at,
        cause=Cause(kind="return", id=return_id),
        return_id=return_id,
        purchase_id=purchase.purchase_id,
        source=purchase.source,
        order_id=purchase.order_id,
        issuer=purchase.issuer,
        purchased_at=purchase.occurred_at,
        currency=purchase.currency,
        amount_minor=sum(returned_line.amount_minor for returned_line in lines),
        lines=tuple(lines),
    )


def merged(
    identity_id: str,
    customer_id: str,
    at: datetime,
    *,
    former: str | None = None,
    version: int = 1,
    decided_by: str = "person",
) -> CustomerMerged:
    """Build the merge that gives an identity to `customer_id`."""
    link_id = new_id("lnk")
    return CustomerMerged(
        identity_id=identity_id,
        customer_id=customer_id,
        former_customer_id=former or identity_id,
        occurred_at=at,
        cause=Cause(kind="link", id=link_id),
        link_id=link_id,
        ownership_version=version,
        decided_by=decided_by,
    )


def unmerged(identity_id: str, at: datetime, *, former: str, version: int) -> CustomerUnmerged:
    """Build the unmerge that gives an identity back to itself."""
    link_id = new_id("lnk")
    return CustomerUnmerged(
        identity_id=identity_id,
        customer_id=identity_id,
        former_customer_id=former,
        occurred_at=at,
        cause=Cause(kind="link", id=link_id),
        link_id=link_id,
        ownership_version=version,
        decided_by="person",
        must_not_link=True,
    )


def erased(identity_id: str, at: datetime) -> CustomerErased:
    """Build the erasure of an identity."""
    erasure_id = new_id("era")
    return CustomerErased(
        identity_id=identity_id,
        customer_id=identity_id,
        occurred_at=at,
        cause=Cause(kind="erasure", id=erasure_id),
        erasure_id=erasure_id,
    )
