"""How often Python looks for cycles of garbage.

A batch of 500 events makes a hundred thousand objects, and reference counts free them all. With the interpreter's
defaults a quarter of a consumer's time goes into looking through them for cycles that are not there.
"""

import gc

YOUNG_MAX = 20_000
"""New objects after which the youngest are looked through (Python's own: 700)."""
ROUNDS_MAX = 20
"""Rounds after which the next older generation is, too (Python's own: 10)."""


def seldom() -> None:
    """Look seldom, and never again through what is there now: modules, models, statements. Call it when all is built."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX, ROUNDS_MAX, ROUNDS_MAX)
