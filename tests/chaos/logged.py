"""What the processes' logs call an error: our own lines tell of a bug and are judged, those of libraries only told."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared.logs import OWN_PACKAGES
from tests.parts.stacks import Stack

TRACE_CHARACTERS = 1_500
LEVELS = ("error", "critical")


@dataclass(frozen=True, slots=True)
class Logged:
    """One line: what it says, with the end of its trace, and whether a logger of ours wrote it."""

    words: str
    is_ours: bool


def lines(stack: Stack) -> Iterator[tuple[str, str]]:
    """Every line of the processes' logs, with the file's name."""
    for path in (*stack.home.parent.glob("*.log"), stack.home / "huitou.log"):
        for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
            yield path.name, line


def errors(said: Iterable[tuple[str, str]]) -> list[Logged]:
    """The lines that are errors; what is not JSON is none."""
    found = []
    for name, line in said:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("level") in LEVELS:
            trace = f"{entry.get('exception')} at {' < '.join(entry.get('where') or ())}"
            words = f"{name}: {entry.get('event')}: {trace[:TRACE_CHARACTERS]}"
            found.append(Logged(words, str(entry.get("source")).partition(".")[0] in OWN_PACKAGES))
    return found


def judged(found: Sequence[Logged]) -> list[str]:
    """What our own loggers wrote; a client library that drops a task of its own says so in another name, and is spared."""
    ours = Counter(line.words for line in found if line.is_ours)
    return [f"logged {count} times: {words}" for words, count in ours.items()]
