"""The programme: opened once, read once per transaction, and changed by versions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.loyalty.ledger.domain.documents import hash_of
from services.loyalty.ledger.domain.programme import (
    CODE,
    PROGRAMME,
    SYSTEM,
    Programme,
    ProgrammeDocument,
    canonical,
    default_document,
)
from services.loyalty.ledger.storage import programmes
from services.loyalty.ledger.storage.programme_tables import ProgrammeVersionRecord
from services.loyalty.ledger.storage.programmes import current as current_programme
from services.loyalty.ledger.storage.programmes import lock as lock_programme
from services.loyalty.ledger.storage.programmes import restated as note_restated
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx

__all__ = [
    "current_programme",
    "lock_programme",
    "note_restated",
    "open_programme",
    "store_version",
    "withdraw_versions",
]


async def open_programme(tx: Tx, context: Context[Settings]) -> Programme:
    """Return the programme; store the default one first if there is none.

    Settings that change later do not change what the members were promised.
    """
    programme = await programmes.find(tx)
    if programme is None:
        document = default_document(context.settings.currency, context.settings.zone)
        await programmes.add(tx, CODE, _record(tx, 1, None, document, SYSTEM))
        programme = await programmes.current(tx)
    return programme


async def store_version(
    tx: Tx,
    document: ProgrammeDocument,
    in_force_from: datetime | None,
    publisher: str,
    *,
    replaced: Sequence[int] = (),
) -> int:
    """Store another version, in place of the `replaced` ones, and return its number. The programme is locked."""
    version = await programmes.newest_number(tx) + 1
    if replaced:
        await programmes.withdraw(tx, replaced, tx.now)
    await programmes.add_version(tx, _record(tx, version, in_force_from, document, publisher))
    await programmes.restamp(tx)
    return version


async def withdraw_versions(tx: Tx, numbers: Sequence[int]) -> None:
    """Withdraw versions that are not in force yet. The programme is locked."""
    await programmes.withdraw(tx, numbers, tx.now)
    await programmes.restamp(tx)


def _record(
    tx: Tx, version: int, in_force_from: datetime | None, document: ProgrammeDocument, publisher: str
) -> ProgrammeVersionRecord:
    text = canonical(document)
    return ProgrammeVersionRecord(
        version=version,
        programme_id=PROGRAMME,
        in_force_from=in_force_from,
        document=text,
        hash=hash_of(text),
        published_by=publisher,
        published_at=tx.now,
        withdrawn_at=None,
        restated_after=0,
        restated_at=tx.now if in_force_from is None else None,  # nobody had a tier before the beginning
    )
