"""The invariants of purchases, returns and customers, for `huitou verify` and the running verification."""

from collections.abc import Sequence

from services.profile.purchases.storage import drift as rules
from shared.db import Read
from shared.service import Drift, Invariants


async def drift(read: Read) -> Sequence[Drift]:
    """Recompute what is stored from the facts, and return every difference."""
    return await rules.find(read)


INVARIANTS = Invariants(tuple(rule.name for rule in rules.RULES), rules.look, drift)
