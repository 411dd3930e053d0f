"""Read rulebooks."""

from __future__ import annotations

from collections.abc import Iterable

from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.storage import compiled, rulebooks
from shared.db import Read


async def compiled_of(read: Read, numbers: Iterable[int]) -> dict[int, CompiledRulebook]:
    """Return the rulebooks of these versions, compiled."""
    wanted = set(numbers)
    return await compiled.load(read, await rulebooks.versions(read), wanted) if wanted else {}
