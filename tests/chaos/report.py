"""A round in words, and as a line for docs/reliability.md."""

from statistics import median

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
    if done.takeovers:
        said.append(f"  leases taken over after {', '.join(f'{each:.1f}' for each in done.takeovers)} s")
    said += [f"  WRONG: {each}" for each in done.wrong[:SHOWN_MAX]]
    if len(done.wrong) > SHOWN_MAX:
        said.append(f"  … and {len(done.wrong) - SHOWN_MAX} more")
    if done.wrong:
        said += [f"  logged {count} times: {what}" for what, count in done.errors.most_common(SHOWN_MAX)]
    said.append("  the books balance" if not done.wrong else f"  {len(done.wrong)} differences")
    return said
