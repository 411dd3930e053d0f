"""Customers: every identity that an event has named, the customer that owns it, and the partner that brought it."""

from services.feedback.customers import events
from shared.events.profile import CustomerMerged, CustomerRegistered, CustomerUnmerged
from shared.identity import customer_of, identity_metadata
from shared.identity.brought import brought_metadata
from shared.service import Capability, Invariants
from shared.verify.kernel_rules import IDENTITIES

CAPABILITY = Capability(
    name="customers",
    lock=events.lock,
    handlers={
        CustomerRegistered: events.customer_registered,
        CustomerMerged: events.customer_moved,
        CustomerUnmerged: events.customer_moved,
    },
    customer_of=customer_of,
    tables=(identity_metadata, brought_metadata),
    invariants=Invariants(event_rules=(IDENTITIES,)),
)
