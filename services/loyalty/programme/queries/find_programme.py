"""Find what the programme promises now, and the version of its rules that is in force."""

from __future__ import annotations

from dataclasses import dataclass

from services.loyalty.earning.queries.rulebooks import version_in_force
from services.loyalty.ledger.domain.programme import ProgrammeVersion
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read


@dataclass(frozen=True, slots=True)
class FoundProgramme:
    """A programme: the version in force, the one that comes next (None: none is published), and the number of its rules.

    `rulebook` None: nothing has happened yet that rules are needed for.
    """

    code: str
    version: ProgrammeVersion
    upcoming: ProgrammeVersion | None
    rulebook: int | None


async def find_programme(read: Read, context: Context[Settings]) -> FoundProgramme:
    """Return the programme as of now; before the first fact opens it, the one that it will be."""
    programme, now = await programme_or_default(read, context), context.clock.now()
    upcoming = next(iter(programme.later(now)), None)
    return FoundProgramme(
        programme.code, programme.version_at(now), upcoming, await version_in_force(read, now)
    )
