"""Publish a version of the programme."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.earning.steps.rulebooks import restart_rulebooks
from services.loyalty.ledger.domain.documents import AHEAD_MIN
from services.loyalty.ledger.domain.programme import THE_BEGINNING, Programme, ProgrammeDocument
from services.loyalty.ledger.steps.programme import (
    current_programme,
    lock_programme,
    open_programme,
    store_version,
)
from services.loyalty.programme.queries.check_document import check_version, is_booked
from services.loyalty.programme.refusals import (
    VERSIONS_MAX,
    SomethingBooked,
    TooManyVersions,
    VersionNotLast,
    VersionTooSoon,
)
from services.loyalty.settings import Settings
from shared.consume.set_aside import lock_consumer
from shared.context import Context
from shared.db import Tx


async def publish_programme(
    tx: Tx,
    context: Context[Settings],
    document: ProgrammeDocument,
    in_force_from: datetime | None,
    publisher: str,
) -> int:
    """Store a document that is in force from an instant on, and return its version. None: from the beginning.

    While nothing is booked a version may be in force from the beginning: it takes the place of all others. It waits for the
    events that are being applied, and those that come wait for it.

    Raises VersionTooSoon, VersionNotLast, SomethingBooked, ProgrammeInvalid and TooManyVersions.
    """
    if in_force_from is None:
        await lock_consumer(tx, context.settings.service, exclusive=True)
    await open_programme(tx, context)
    await lock_programme(tx)
    programme = await current_programme(tx)
    _check_begin(programme, in_force_from, tx.now)
    if in_force_from is None and await is_booked(tx):
        raise SomethingBooked
    if programme.versions[-1].version >= VERSIONS_MAX:
        raise TooManyVersions
    begins = in_force_from or THE_BEGINNING
    await check_version(tx, document, programme, begins, is_first=in_force_from is None)
    if in_force_from is not None:
        return await store_version(tx, document, in_force_from, publisher)
    replaced = [version.version for version in programme.versions]
    version = await store_version(tx, document, None, publisher, replaced=replaced)
    await restart_rulebooks(tx, document.currency)
    return version


def _check_begin(programme: Programme, in_force_from: datetime | None, now: datetime) -> None:
    if in_force_from is None:
        return
    if in_force_from < now + AHEAD_MIN:
        raise VersionTooSoon
    if in_force_from <= programme.versions[-1].begins:
        raise VersionNotLast
