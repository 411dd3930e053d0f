"""The compiled rulebooks of a process: a document is read and compiled once, and found again by its hash."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.loyalty.earning.domain.compiling import CompiledRulebook, parse
from services.loyalty.earning.domain.progress import NO_STARTS, Start, Starts
from services.loyalty.earning.domain.rulebook import Rulebooks, Version
from services.loyalty.earning.storage import rulebooks
from shared.db import Read

KEPT_MAX = 64
"""Compiled documents that a process keeps; the oldest goes first."""

_KEPT: dict[bytes, CompiledRulebook] = {}


async def load(
    read: Read, versions: Sequence[Version], numbers: Iterable[int]
) -> dict[int, CompiledRulebook]:
    """Return the rulebooks of the versions with these numbers, compiled."""
    wanted = set(numbers)
    hashes = {version.version: version.hash for version in versions if version.version in wanted}
    found = {number: _KEPT[hashed] for number, hashed in hashes.items() if hashed in _KEPT}
    missing = sorted(hashes.keys() - found.keys())
    if missing:
        for number, text in (await rulebooks.documents(read, missing)).items():
            found[number] = _KEPT[hashes[number]] = parse(text)
        while len(_KEPT) > KEPT_MAX:
            del _KEPT[next(iter(_KEPT))]
    return found


async def starts_of(read: Read, known: Rulebooks) -> Starts:
    """Return the begin of every goal of these rulebooks: the first version that has it."""
    first = known.first_with_goal
    if not first:
        return NO_STARTS
    books = await load(read, known.versions, {version.version for version in first.values()})
    return {
        goal.rule.code: Start(version.version, version.in_force_from, goal)
        for code, version in first.items()
        for goal in books[version.version].goals
        if goal.rule.code == code
    }
