"""Compare two rulebooks, or a draft with a rulebook."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.earning.domain.differing import differences
from services.loyalty.earning.domain.document import RulebookDocument, parse_document
from services.loyalty.earning.domain.rulebook import Rulebooks
from services.loyalty.earning.refusals import RulebookNotFound
from services.loyalty.earning.storage import rulebooks
from services.loyalty.ledger.domain.documents import Difference
from shared.db import Read


async def compare_rulebooks(
    read: Read, version: int | None, other: int | None
) -> tuple[int | None, list[Difference]]:
    """Return the version that a rulebook is compared with, and what differs.

    `other` None: the one that was published before it and not withdrawn; of the first everything is new. Raises RulebookNotFound.
    """
    known = {stored.version: stored for stored in await rulebooks.versions(read)}
    if version not in known or (other is not None and other not in known):
        raise RulebookNotFound
    if other is None:
        standing = [
            number for number, stored in known.items() if stored.withdrawn_at is None and number < version
        ]
        other = max(standing, default=None)
    documents = await rulebooks.documents(read, [number for number in (version, other) if number is not None])
    former = RulebookDocument(rules=()) if other is None else parse_document(documents[other])
    return other, differences(former, parse_document(documents[version]))


async def compare_draft(
    read: Read, document: str, other: int | None, now: datetime
) -> tuple[int, list[Difference]]:
    """Return the version that the document of a draft is compared with, by default the one in force, and what differs.

    Raises RulebookNotFound.
    """
    known = Rulebooks(await rulebooks.versions(read))
    number = known.at(now).version if other is None else other
    documents = await rulebooks.documents(read, [number])
    if number not in documents:
        raise RulebookNotFound
    return number, differences(parse_document(documents[number]), parse_document(document))
