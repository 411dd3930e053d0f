"""Compare a version of the programme, or its draft, with a version."""

from __future__ import annotations

from services.loyalty.ledger.domain.documents import Difference
from services.loyalty.ledger.domain.programme import parse_document
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.programme.domain.differing import differences
from services.loyalty.programme.queries.versions import document_of, get_version
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read


async def compare_version(
    read: Read, context: Context[Settings], version: int | None, other: int | None
) -> tuple[int | None, list[Difference]]:
    """Return the number of the version that a version is compared with, and what differs.

    `other` None: the one before it that was not withdrawn; of the first everything is new. Raises VersionNotFound.
    """
    later = await get_version(read, version)
    if other is None:
        standing = (await programme_or_default(read, context)).versions
        earlier = [stored.version for stored in standing if stored.version < later.version]
        other = max(earlier, default=None)
    former = None if other is None else document_of(await get_version(read, other))
    return other, differences(former, document_of(later))


async def compare_draft(
    read: Read, context: Context[Settings], document: str, other: int | None
) -> tuple[int, list[Difference]]:
    """Return the number of the version that a draft is compared with, by default the one in force, and what differs.

    Raises VersionNotFound.
    """
    if other is None:
        stored = (await programme_or_default(read, context)).version_at(context.clock.now())
        return stored.version, differences(stored.document, parse_document(document))
    return other, differences(document_of(await get_version(read, other)), parse_document(document))
