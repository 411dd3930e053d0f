"""The promotions capability: which discounts a cart has, and which it could have, worked out by the promotions of the rulebook in force."""

from shared.service import Capability

CAPABILITY = Capability(name="promotions")
