"""The members capability: customers join the programme, are merged and erased."""

from services.loyalty.members.events.customers import (
    customer_erased,
    customer_registered,
    owner_changed,
)
from services.loyalty.members.events.lock import lock
from shared.events.profile import CustomerErased, CustomerMerged, CustomerRegistered, CustomerUnmerged
from shared.identity.brought import brought_metadata
from shared.service import Capability

CAPABILITY = Capability(
    name="members",
    lock=lock,
    handlers={
        CustomerRegistered: customer_registered,
        CustomerMerged: owner_changed,
        CustomerUnmerged: owner_changed,
        CustomerErased: customer_erased,
    },
    tables=(brought_metadata,),
)
