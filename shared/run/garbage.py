"""The thresholds of Python's cyclic garbage collector.

A batch of 500 events creates a hundred thousand objects, and reference counting frees them all. With the interpreter's
defaults, a consumer spends a quarter of its time on searching them for cycles that do not exist.
"""

import gc

YOUNG_MAX = 20_000
"""The number of new objects that starts a collection of the youngest generation (Python's default: 700)."""
ROUNDS_MAX = 5
"""The number of collections that starts a collection of the middle generation (Python's default: 10). It looks through the
objects of these rounds at once, and no request is answered meanwhile: with 20 rounds that was 150 ms during a large batch."""
OLD_ROUNDS_MAX = 80
"""The number of those that starts a collection of the oldest generation (Python's default: 10)."""


def seldom() -> None:
    """Collect seldom, and never again among the objects that exist now. Call it when modules and apps are loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX, ROUNDS_MAX, OLD_ROUNDS_MAX)
