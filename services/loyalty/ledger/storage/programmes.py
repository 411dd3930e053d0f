"""The statements on programmes and their versions. A process keeps the versions that it has read, by their hash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, update

from services.loyalty.ledger.domain.programme import (
    PROGRAMME,
    Programme,
    ProgrammeVersion,
    parse_document,
    timeline_hash,
)
from services.loyalty.ledger.storage.programme_tables import (
    ProgrammeRecord,
    ProgrammeVersionRecord,
    programme,
    programme_version,
)
from shared.db import Read, Slice, Slot, Sorts, Tx, columns_of

KEPT_MAX = 16
"""Programmes with their versions that a process keeps; the oldest goes first."""
SORTS = Sorts(version=(programme_version.c.version,))

_PROGRAMME: Slot[list[Programme]] = Slot("loyalty.programme", list)
"""The programme as this transaction has read it: a list of one, empty before."""
_KEPT: dict[bytes, Programme] = {}

_OWN = programme_version.c.programme_id == PROGRAMME
_TIMELINE = select(programme.c.timeline).where(programme.c.id == bindparam("programme"))
_RECORDS = select(*columns_of(programme_version, ProgrammeVersionRecord)).where(_OWN)


async def current(tx: Tx) -> Programme:
    """Return the programme; a transaction reads it once."""
    found = await find(tx)
    assert found is not None, "the lock of a batch opens the programme before it is asked for"
    return found


async def find(tx: Tx) -> Programme | None:
    """Return the programme, or None before it is opened; a transaction reads it once."""
    held = tx.slot(_PROGRAMME)
    if not held and (stored := await read_or_none(tx)) is not None:
        held.append(stored)
    return held[0] if held else None


async def read(read: Read) -> Programme:
    """Return the stored programme."""
    stored = await read_or_none(read)
    assert stored is not None, "the lock of a batch opens the programme before it is asked for"
    return stored


async def read_or_none(read: Read) -> Programme | None:
    """Return the stored programme, or None before it is opened."""
    timeline = await read.scalar(_TIMELINE, {"programme": PROGRAMME})
    return None if timeline is None else await of_timeline(read, timeline)


async def of_timeline(read: Read, timeline: bytes) -> Programme:
    """Return the programme whose versions have this hash. One statement if the process has not read them yet."""
    kept = _KEPT.get(timeline)
    if kept is None:
        records = await versions(read)
        code = await read.scalar(select(programme.c.code).where(programme.c.id == PROGRAMME))
        assert code is not None, "a programme has versions"
        # Somebody may have published another version since the hash was read, so the hash is that of the versions.
        kept = _KEPT[_hash_of(records)] = Programme(code, [_version(record) for record in records])
        while len(_KEPT) > KEPT_MAX:
            del _KEPT[next(iter(_KEPT))]
    return kept


async def versions(read: Read) -> list[ProgrammeVersionRecord]:
    """Return the versions that were not withdrawn, in their order."""
    standing = _RECORDS.where(programme_version.c.withdrawn_at.is_(None))
    return await read.read_records(ProgrammeVersionRecord, standing.order_by(programme_version.c.version))


async def find_version(read: Read, version: int) -> ProgrammeVersionRecord | None:
    """Return a version; None if there is none with this number."""
    of_number = _RECORDS.where(programme_version.c.version == version)
    return await read.read_record(ProgrammeVersionRecord, of_number)


async def page(read: Read, asked: Slice) -> list[ProgrammeVersionRecord]:
    """Return a page of the versions, withdrawn ones too."""
    return await read.read_records(ProgrammeVersionRecord, SORTS.page(_RECORDS, asked))


async def lock(tx: Tx) -> None:
    """Wait for others that change what the programme promises, and keep them waiting."""
    statement = select(programme.c.id).where(programme.c.id == PROGRAMME)
    await tx.all(statement.order_by(programme.c.id).with_for_update())
    tx.slot(_PROGRAMME).clear()  # who held the lock before may have changed it


async def add(tx: Tx, code: str, record: ProgrammeVersionRecord) -> None:
    """Open the programme with its first version, unless another process has."""
    opened = ProgrammeRecord(PROGRAMME, code, record.version, _hash_of([record]))
    if await tx.insert_new_records(programme, [opened], returning=[programme.c.id]):
        await tx.insert_records(programme_version, [record])


async def add_version(tx: Tx, record: ProgrammeVersionRecord) -> None:
    """Store another version. The programme is locked."""
    await tx.insert_records(programme_version, [record])
    await tx.execute(update(programme).where(programme.c.id == PROGRAMME).values(version=record.version))


async def withdraw(tx: Tx, numbers: Sequence[int], at: datetime) -> None:
    """Mark these versions as withdrawn. The programme is locked."""
    of_numbers = programme_version.c.version.in_(list(numbers))
    await tx.execute(update(programme_version).where(_OWN, of_numbers).values(withdrawn_at=at))


async def restamp(tx: Tx) -> None:
    """Give the programme the hash of its versions after some were stored or withdrawn. The programme is locked."""
    timeline = _hash_of(await versions(tx))
    await tx.execute(update(programme).where(programme.c.id == PROGRAMME).values(timeline=timeline))
    tx.slot(_PROGRAMME).clear()


async def newest_number(tx: Tx) -> int:
    """Return the number of the newest version, withdrawn ones too."""
    return await tx.scalar(select(programme.c.version).where(programme.c.id == PROGRAMME)) or 0


async def unrestated(read: Read, now: datetime) -> ProgrammeVersionRecord | None:
    """Return the earliest version in force whose members' tiers were not all looked at; None if there is none."""
    c = programme_version.c
    waiting = _RECORDS.where(c.restated_at.is_(None), c.withdrawn_at.is_(None), c.in_force_from <= now)
    return await read.read_record(ProgrammeVersionRecord, waiting.order_by(c.version).limit(1))


async def restated(tx: Tx, version: int, after: int, *, finished: bool) -> None:
    """Store how far the members' tiers were looked at since a version is in force."""
    c = programme_version.c
    moved = update(programme_version).where(_OWN, c.version == version, c.restated_at.is_(None))
    await tx.execute(
        moved.values(restated_after=after, restated_at=tx.now)
        if finished
        else moved.values(restated_after=after)
    )


def _hash_of(records: Sequence[ProgrammeVersionRecord]) -> bytes:
    return timeline_hash([(record.version, record.in_force_from, record.hash) for record in records])


def _version(record: ProgrammeVersionRecord) -> ProgrammeVersion:
    return ProgrammeVersion(record.version, record.in_force_from, parse_document(record.document))
