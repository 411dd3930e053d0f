"""The statements on rulebooks."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from services.loyalty.earning.domain.document import canonical, hash_of
from services.loyalty.earning.domain.rulebook import Rulebook, Version
from services.loyalty.earning.storage.tables import RulebookRecord, rulebook
from services.loyalty.ledger.domain.programme import PROGRAMME
from shared.db import Read, Tx, any_of, columns_of

_OWN = rulebook.c.programme_id == PROGRAMME
_VERSIONS = select(*columns_of(rulebook, Version)).where(_OWN).order_by(rulebook.c.version)


async def versions(read: Read) -> tuple[Version, ...]:
    """Return all versions, in their order, without their documents."""
    return tuple(await read.read_records(Version, _VERSIONS))


async def documents(read: Read, numbers: Sequence[int]) -> dict[int, str]:
    """Return the documents of these versions."""
    c = rulebook.c
    rows = await read.all(select(c.version, c.document).where(_OWN, any_of(c.version, numbers)))
    return {row.version: row.document for row in rows}


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
    )
    await tx.insert_new_records(rulebook, [record])
