"""One line of JSON a round, into the file named in CHAOS_RESULTS: what the tables of docs/chaos-results.md are made of."""

import json
import os
from pathlib import Path
from typing import Any

from tests.chaos.rounds import Round


def append(done: Round) -> None:
    """Add this round's line; no-op without CHAOS_RESULTS."""
    path = os.environ.get("CHAOS_RESULTS")
    if path:
        with Path(path).open("a") as file:
            file.write(json.dumps(facts_of(done), sort_keys=True) + "\n")


def facts_of(done: Round) -> dict[str, Any]:
    """What a round showed, in numbers."""
    counts = done.journal.counts
    return {
        "stack": done.stack,
        "seed": done.seed,
        "minutes": round(done.seconds / 60, 2),
        "faults": dict(done.struck.kinds),
        "requests": len(done.journal.asked) + len(done.journal.repeated),
        "customers": done.customers,
        "unanswered": counts["unanswered"],
        "unavailable": counts["answered 503"],
        "stored_answers": counts["stored answers"],
        "told_again": counts["repeats"],
        "sent_again": done.duplicates,
        "poison": done.thrown,
        "discarded": done.discarded,
        "recoveries": {kind: _rounded(seconds) for kind, seconds in done.struck.recoveries.items()},
        "takeovers": {whose: _rounded(seconds) for whose, seconds in done.takeovers.items()},
        "settled_seconds": round(done.settled_seconds, 1),
        "wrong": len(done.wrong),
    }


def _rounded(seconds: list[float]) -> list[float]:
    return [round(duration, 2) for duration in sorted(seconds)]
