"""What `huitou verify` asks of this service."""

from collections.abc import Sequence

from services.feedback.storage import drift as rules
from shared.db import Read
from shared.service import Drift, Invariants


async def drift(read: Read) -> Sequence[Drift]:
    """Recompute clocks and states from the facts, and return every difference."""
    return await rules.find(read)


INVARIANTS = Invariants(rules.RULES, rules.look)
"""What always holds of complaints."""
