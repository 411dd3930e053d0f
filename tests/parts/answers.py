"""Compare what a page says that a command answers with what the command answered.

A page may leave out keys, and may write `…` for what differs from run to run: `"…"` stands for any value, and `…` inside
a text stands for any characters.
"""

import re
from collections.abc import Iterator

from pydantic import JsonValue

ANYTHING = "…"


def differences(expected: JsonValue, answered: JsonValue, path: str = "answer") -> Iterator[str]:
    """Yield one sentence for each place where the answer is not what the page says."""
    match expected, answered:
        case dict(), dict():
            for key, value in expected.items():
                if key in answered:
                    yield from differences(value, answered[key], f"{path}.{key}")
                else:
                    yield f"{path} has no {key!r}"
        case list(), list() if len(expected) == len(answered):
            for index, (value, item) in enumerate(zip(expected, answered, strict=True)):
                yield from differences(value, item, f"{path}[{index}]")
        case str(), _ if expected == ANYTHING or (isinstance(answered, str) and fits(expected, answered)):
            return
        case _ if type(expected) is type(answered) and expected == answered:
            return
        case _:
            yield f"{path} is {answered!r}, not {expected!r}"


def fits(pattern: str, text: str) -> bool:
    """Return whether a text is the pattern, with any characters in place of each `…`."""
    parts = (re.escape(part) for part in pattern.split(ANYTHING))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None
