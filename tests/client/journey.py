"""A customer's first points, with clients that were generated from the OpenAPI documents: registered, bought, read.

Run by tests/e2e/test_clients.py as its own program: `journey.py <address of profile> <address of loyalty> <order id>`, with an
operator's token as its standard input. Prints the customer's id and points.
"""

import json
import sys
from datetime import UTC, datetime

from loyalty_client import AuthenticatedClient as LoyaltyClient
from loyalty_client.api.members import get_member
from loyalty_client.models import Member
from profile_client import AuthenticatedClient as ProfileClient
from profile_client.api.customers import register_customer
from profile_client.api.purchases import record_purchase
from profile_client.models import (
    PurchaseCustomerRequest,
    PurchaseLineRequest,
    PurchaseRequest,
    RecordedPurchase,
    RegisteredCustomer,
    RegistrationRequest,
)

TRIES_MAX = 30
"""Each waits up to two seconds for the purchase."""


def main(profile_address: str, loyalty_address: str, order_id: str) -> None:
    """Register a customer, record a purchase, and read the points as soon as they are there."""
    token = sys.stdin.read().strip()
    profile = ProfileClient(base_url=profile_address, token=token)
    loyalty = LoyaltyClient(base_url=loyalty_address, token=token)

    registration = RegistrationRequest(external_id=f"C-{order_id}", name="Ana Li")
    customer = register_customer.sync(client=profile, body=registration, idempotency_key=f"r-{order_id}")
    assert isinstance(customer, RegisteredCustomer), customer
    order = PurchaseRequest(
        source="web",
        order_id=order_id,
        purchased_at=datetime.now(UTC),
        customer=PurchaseCustomerRequest(id=customer.id),
        currency="CNY",
        lines=[PurchaseLineRequest(sku="TEA", quantity=2, amount_minor=5600)],
    )
    purchase = record_purchase.sync(client=profile, body=order, idempotency_key=f"p-{order_id}")
    assert isinstance(purchase, RecordedPurchase), purchase
    for _ in range(TRIES_MAX):
        member = get_member.sync(customer.id, client=loyalty, after=purchase.id)
        if isinstance(member, Member) and member.after and member.after.applied:
            break
    assert isinstance(member, Member), member
    sys.stdout.write(json.dumps({"customer_id": member.customer_id, "points": member.points.to_dict()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
