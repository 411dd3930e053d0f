"""What the running verification finds in one pass."""

from shared.db import Read
from shared.service import Drift, Invariants

LOOKS_MAX = 1_000


async def looked_through(read: Read, invariants: Invariants) -> list[Drift]:
    """Everything that a pass of these looks finds; it ends, and names no rule that is not declared."""
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
