"""Rulebooks: versions of the rules by which purchases earn, one after the other in time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise

from services.loyalty.earning.domain.document import RulebookDocument, default_document

THE_BEGINNING = datetime.min.replace(tzinfo=UTC)
SYSTEM = "system"
"""The publisher of the rules of a new installation."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules in force from an instant on (None: from the beginning of time), until the next rulebook."""

    version: int
    in_force_from: datetime | None
    document: RulebookDocument
    published_by: str = SYSTEM


@dataclass(frozen=True, slots=True)
class Version:
    """A stored rulebook without its document, which `hash` tells from others. A withdrawn one never comes into force."""

    version: int
    in_force_from: datetime | None
    hash: bytes
    withdrawn_at: datetime | None
    goals: tuple[str, ...] | None = None
    """The codes of its goals; None: it has none."""


class Rulebooks:
    """All versions of a programme's rules."""

    def __init__(self, versions: Sequence[Version]) -> None:
        """Take the versions in their order. Raises ValueError if they do not follow each other in time."""
        self.versions = tuple(versions)
        self.standing = [version for version in self.versions if version.withdrawn_at is None]
        """The versions that were not withdrawn."""
        if not self.standing or self.standing[0].in_force_from is not None:
            raise ValueError("the first rulebook is in force from the beginning")
        for earlier, later in pairwise(self.standing):
            begins = later.in_force_from
            is_later = begins is not None and (
                earlier.in_force_from is None or earlier.in_force_from < begins
            )
            if not is_later or later.version <= earlier.version:
                raise ValueError("rulebooks follow each other in time and version")

    def at(self, instant: datetime) -> Version:
        """Return the rulebook in force at an instant of effective time."""
        return self.standing[bisect_right(self._begins, instant) - 1]

    def begun(self, instant: datetime) -> list[Version]:
        """Return the rulebooks that had come into force by an instant."""
        return self.standing[: bisect_right(self._begins, instant)]

    def until(self, instant: datetime) -> datetime | None:
        """Return the instant at which the rulebook in force at `instant` gives way to the next; None: there is no next one."""
        later = bisect_right(self._begins, instant)
        return self._begins[later] if later < len(self._begins) else None

    @cached_property
    def first_with_goal(self) -> dict[str, Version]:
        """Return the first version that has each goal, by the goal's code."""
        first: dict[str, Version] = {}
        for version in self.standing:
            for code in version.goals or ():
                first.setdefault(code, version)
        return first

    @cached_property
    def _begins(self) -> list[datetime]:
        return [version.in_force_from or THE_BEGINNING for version in self.standing]


def default_rulebook(currency: str) -> Rulebook:
    """Return the rulebook of a new installation."""
    return Rulebook(version=1, in_force_from=None, document=default_document(currency))
