"""Let the running verification make one pass."""

from shared.db import Read
from shared.service import Drift, Invariants

LOOKS_MAX = 1_000


async def looked_through(read: Read, invariants: Invariants) -> list[Drift]:
    """Return everything that one pass of these looks finds. The pass must end, and may name only declared rules."""
    assert invariants.look is not None
    found: list[Drift] = []
    after = ""
    for _ in range(LOOKS_MAX):
        looked = await invariants.look(read, after)
        found += looked.drifts
        if not (after := looked.after):
            assert {drift.rule for drift in found} <= set(invariants.rules)
            return found
    raise AssertionError("the pass does not end")
