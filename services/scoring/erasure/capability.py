"""Erasure: the highest capability, because an erasure is answered when all the others have wiped what they store."""

from services.scoring.erasure import events
from shared.events.profile import CustomerErased
from shared.service import Capability

CAPABILITY = Capability(name="erasure", handlers={CustomerErased: events.customer_erased})
