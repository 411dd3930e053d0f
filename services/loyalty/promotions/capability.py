"""The promotions capability: which discounts a cart has, worked out by the promotions of the rulebook in force."""

from shared.service import Capability

CAPABILITY = Capability(name="promotions")
