"""Erasure: the highest capability, because it ends what all the others have begun for a customer."""

from services.feedback.erasure.events import customers
from shared.events.profile import CustomerErased
from shared.service import Capability

CAPABILITY = Capability(name="erasure", handlers={CustomerErased: customers.customer_erased})
