"""The statements on rulebooks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from services.loyalty.earning.domain.document import canonical
from services.loyalty.earning.domain.rulebook import Rulebook, Version
from services.loyalty.earning.storage.tables import RulebookRecord, rulebook
from services.loyalty.ledger.domain.documents import hash_of
from services.loyalty.ledger.domain.programme import PROGRAMME
from shared.db import Read, Slice, Sorts, Tx, any_of, columns_of

SORTS = Sorts(version=(rulebook.c.version,))

_OWN = rulebook.c.programme_id == PROGRAMME
_RECORDS = select(*columns_of(rulebook, RulebookRecord)).where(_OWN)
_VERSIONS = select(*columns_of(rulebook, Version)).where(_OWN).order_by(rulebook.c.version)


async def versions(read: Read) -> tuple[Version, ...]:
    """Return all versions, in their order, without their documents."""
    return tuple(await read.read_records(Version, _VERSIONS, {}))


async def documents(read: Read, numbers: Sequence[int]) -> dict[int, str]:
    """Return the documents of these versions."""
    c = rulebook.c
    rows = await read.all(select(c.version, c.document).where(_OWN, any_of(c.version, numbers)))
    return {row.version: row.document for row in rows}


async def find(read: Read, version: int) -> RulebookRecord | None:
    """Return a version of the rules; None if there is none with this number."""
    return await read.read_record(RulebookRecord, _RECORDS.where(rulebook.c.version == version))


async def page(read: Read, asked: Slice) -> list[RulebookRecord]:
    """Return a page of the versions."""
    return await read.read_records(RulebookRecord, SORTS.page(_RECORDS, asked))


async def withdraw(tx: Tx, version: int, at: datetime) -> None:
    """Mark a version as withdrawn, unless it is."""
    of_version = rulebook.c.version == version
    pending = update(rulebook).where(_OWN, of_version, rulebook.c.withdrawn_at.is_(None))
    await tx.execute(pending.values(withdrawn_at=at))


async def add(tx: Tx, opened: Rulebook) -> None:
    """Store a rulebook, unless another process has. Its document was checked."""
    text = canonical(opened.document)
    record = RulebookRecord(
        programme_id=PROGRAMME,
        version=opened.version,
        in_force_from=opened.in_force_from,
        document=text,
        hash=hash_of(text),
        published_by=opened.published_by,
        published_at=tx.now,
        withdrawn_at=None,
        goals=tuple(goal.code for goal in opened.document.goals) or None,
    )
    await tx.insert_new_records(rulebook, [record])
