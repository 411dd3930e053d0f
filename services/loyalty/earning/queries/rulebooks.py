"""Read rulebooks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.document import parse_document
from services.loyalty.earning.domain.naming import tiers_in
from services.loyalty.earning.domain.rulebook import Rulebooks
from services.loyalty.earning.refusals import RulebookNotFound
from services.loyalty.earning.storage import compiled, rulebooks
from services.loyalty.earning.storage.tables import RulebookRecord
from shared.db import Read, Slice


async def find_rulebook(read: Read, version: int | None, now: datetime) -> tuple[RulebookRecord, int]:
    """Return a version of the rules, and the number of the version that is in force. Raises RulebookNotFound."""
    record = None if version is None else await rulebooks.find(read, version)
    if record is None:
        raise RulebookNotFound
    return record, await _in_force(read, now)


async def list_rulebooks(read: Read, now: datetime, asked: Slice) -> tuple[list[RulebookRecord], int]:
    """Return a page of the versions, and the number of the version that is in force."""
    records = await rulebooks.page(read, asked)
    return records, await _in_force(read, now) if records else 0


async def _in_force(read: Read, now: datetime) -> int:
    return Rulebooks(await rulebooks.versions(read)).at(now).version


async def version_in_force(read: Read, now: datetime) -> int | None:
    """Return the number of the version that is in force; None before the first fact."""
    versions = await rulebooks.versions(read)
    return Rulebooks(versions).at(now).version if versions else None


async def tiers_named(read: Read, since: datetime) -> dict[str, int]:
    """Return the tiers that the rules in force at an instant, or later, look at, each with the newest version that does."""
    stored = await rulebooks.versions(read)
    if not stored:
        return {}
    known = Rulebooks(stored)
    first = known.at(since).version
    numbers = [version.version for version in known.standing if version.version >= first]
    documents = await rulebooks.documents(read, numbers)
    return {tier: number for number in numbers for tier in tiers_in(parse_document(documents[number]))}


async def compiled_of(read: Read, numbers: Iterable[int]) -> dict[int, CompiledRulebook]:
    """Return the rulebooks of these versions, compiled."""
    wanted = set(numbers)
    return await compiled.load(read, await rulebooks.versions(read), wanted) if wanted else {}
