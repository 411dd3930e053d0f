"""What `huitou verify` asks of this service."""

from collections.abc import Sequence

from services.profile.storage import drift as rules
from shared.db import Read
from shared.service import Drift


async def drift(read: Read) -> Sequence[Drift]:
    """Recompute what is stored from the facts, and return every difference."""
    return await rules.find(read)
