"""The purchases capability: the purchases and returns that points and tiers are counted from."""

from services.loyalty.purchases.invariants import INVARIANTS
from services.loyalty.purchases.storage.tables import metadata
from shared.service import Capability

CAPABILITY = Capability(name="purchases", tables=(metadata,), invariants=INVARIANTS)
