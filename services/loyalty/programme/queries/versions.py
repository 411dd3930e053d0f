"""Read the versions of a programme."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.ledger.domain.programme import ProgrammeDocument, parse_document
from services.loyalty.ledger.queries.programme import (
    SORTS,
    ProgrammeVersionRecord,
    find_version,
    page_of_versions,
    programme_or_default,
)
from services.loyalty.programme.refusals import VersionNotFound
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read, Slice

__all__ = ["SORTS", "ProgrammeVersionRecord", "document_of", "get_version", "in_force", "list_versions"]


async def get_version(read: Read, version: int | None) -> ProgrammeVersionRecord:
    """Return a version of the programme. Raises VersionNotFound."""
    record = None if version is None else await find_version(read, version)
    if record is None:
        raise VersionNotFound
    return record


async def list_versions(read: Read, asked: Slice) -> list[ProgrammeVersionRecord]:
    """Return a page of the versions, withdrawn ones too."""
    return await page_of_versions(read, asked)


async def in_force(read: Read, context: Context[Settings], now: datetime) -> int:
    """Return the number of the version in force."""
    return (await programme_or_default(read, context)).version_at(now).version


def document_of(record: ProgrammeVersionRecord) -> ProgrammeDocument:
    """Return the document of a version."""
    return parse_document(record.document)
