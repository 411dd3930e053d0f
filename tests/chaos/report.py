"""A round in words, and all rounds as the tables of docs/chaos-results.md: python -m tests.chaos.report RESULTS."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.chaos.journal import Loss
from tests.chaos.rounds import SHOWN_MAX, Round


def lines(done: Round) -> list[str]:
    """What happened, and what it showed."""
    journal, struck = done.journal, done.struck
    counts = ", ".join(f"{name} {count}" for name, count in sorted(journal.counts.items()))
    said = [
        "",
        f"Round {done.seed} of the {done.stack} product: {sum(struck.kinds.values())} faults,"
        f" {len(journal.asked)} requests of {done.customers} customers; {counts}",
        f"  duplicates absorbed: {done.duplicates} records sent again, {journal.counts['stored answers']} requests"
        f" answered from store, {journal.counts['repeats']} facts told again",
        f"  poison: {done.thrown} records thrown, {done.discarded} discarded; settled {done.settled_seconds:.1f} s after the end",
    ]
    for kind, count in sorted(struck.kinds.items()):
        seconds = sorted(struck.recoveries.get(kind, ()))
        told = f"points again after {median(seconds):5.1f} s, {seconds[-1]:5.1f} s at most" if seconds else ""
        said.append(f"  {count:3} × {kind:45} {told}")
    for whose, seconds in sorted(done.takeovers.items()):
        said.append(f"  {whose} taken over after {', '.join(f'{takeover:.1f}' for takeover in seconds)} s")
    said += [_loss(loss, sum(map(loss.took, journal.asked))) for loss in journal.losses]
    said += [f"  does not count: '{kind}' found no moment to strike" for kind in struck.missing]
    said += [f"  evidence in {done.evidence}"] if done.evidence else []
    said += [f"  WRONG: {difference}" for difference in done.wrong[:SHOWN_MAX]]
    if len(done.wrong) > SHOWN_MAX:
        said.append(f"  … and {len(done.wrong) - SHOWN_MAX} more")
    if done.wrong:
        said += [f"  logged {count} times: {what}" for what, count in done.errors.most_common(SHOWN_MAX)]
    said.append("  the books balance" if not done.wrong else f"  {len(done.wrong)} differences")
    return said


def _loss(loss: Loss, count: int) -> str:
    what = f"its database, and {count} requests with it" if loss.saved_at < loss.lost_at else "its keys"
    return f"  {loss.service or 'the product'} lost {what}, for {loss.back_at - loss.lost_at:.1f} s"


def tables(rounds: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The rounds in markdown: one a line, then the faults and the takeovers of each stack.

    A seed that was run more than once counts as it was run last.
    """
    last = {(result["stack"], result["seed"]): result for result in rounds}
    rounds = [result for _, result in sorted(last.items())]
    yield "| stack | seed | minutes | faults | requests | stored answers | told again | sent again | points again: median, worst | settled | differences |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for result in rounds:
        seconds = [recovery for all_ in result["recoveries"].values() for recovery in all_]
        yield (
            f"| {result['stack']} | {result['seed']} | {result['minutes']} | {sum(result['faults'].values())} | {result['requests']}"
            f" | {result['stored_answers']} | {result['told_again']} | {result['sent_again']} | {_spread(seconds)}"
            f" | {result['settled_seconds']} s | {result['wrong']} |"
        )
    for stack in sorted({result["stack"] for result in rounds}):
        yield from _totals(stack, [result for result in rounds if result["stack"] == stack])


def _totals(stack: str, rounds: Sequence[dict[str, Any]]) -> Iterator[str]:
    sums = {name: sum(result[name] for result in rounds) for name in SUMMED}
    faults: dict[str, int] = defaultdict(int)
    recoveries, takeovers = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for result in rounds:
        for kind, count in result["faults"].items():
            faults[kind] += count
        for kind, seconds in result["recoveries"].items():
            recoveries[kind] += seconds
        for whose, seconds in result["takeovers"].items():
            takeovers[whose] += seconds
    yield from ("", f"**{stack}**: {len(rounds)} rounds, {sum(faults.values())} faults, " + _words(sums), "")
    yield from (f"| {stack}: fault | struck | points again: median, worst |", "|---|---|---|")
    yield from (
        f"| {kind} | {count} | {_spread(recoveries[kind])} |" for kind, count in sorted(faults.items())
    )
    if takeovers:
        yield from ("", "| taken over | times | median, worst |", "|---|---|---|")
        yield from (
            f"| {whose} | {len(all_)} | {_spread(all_)} |" for whose, all_ in sorted(takeovers.items())
        )


def _words(sums: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {SUMMED[name]}" for name, count in sums.items()) + "."


def _spread(seconds: Sequence[float]) -> str:
    return f"{median(seconds):.1f} s, {max(seconds):.1f} s" if seconds else ""


SUMMED = {
    "requests": "requests",
    "unanswered": "times without an answer",
    "unavailable": "answers 503",
    "stored_answers": "requests answered from store",
    "told_again": "facts told again",
    "sent_again": "records sent again",
    "poison": "records of poison",
    "wrong": "differences",
}
"""What is added up, and in which words."""


if __name__ == "__main__":
    read = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    print("\n".join(tables(read)))  # noqa: T201 - it is for the page
