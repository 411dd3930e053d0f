"""Keep the register of API keys: in profile by its operations, in every other service by the events of profile."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from shared.api_keys.tables import ApiKeyRecord, api_key
from shared.context import Context
from shared.db import Read, Slice, Sorts, Tx, any_of, columns_of, where_given
from shared.events.profile import ApiKeyChanged
from shared.limits import API_KEYS_MAX

SORTS = Sorts(created_at=(api_key.c.created_at, api_key.c.id))
_ROWS = select(*columns_of(api_key, ApiKeyRecord))
CHANGEABLE = ("expires_at", "revoked_at", "record_version")
"""The columns of a key that can change after it was created."""


async def api_keys_changed(tx: Tx, _context: Context, events: Sequence[ApiKeyChanged]) -> None:
    """Store the states of keys that events carry. Of one key the greatest version counts, in any order."""
    latest: dict[str, ApiKeyRecord] = {}
    for event in events:
        known = latest.get(event.key_id)
        if known is None or event.record_version > known.record_version:
            latest[event.key_id] = _record_of(event)
    first = {
        key_id for (key_id,) in await tx.insert_new_records(api_key, [latest[id] for id in sorted(latest)])
    }
    changed = [
        latest[known.id]
        for known in await _lock(tx, sorted(latest.keys() - first))
        if latest[known.id].record_version > known.record_version
    ]
    await tx.update_records(api_key, changed, columns=CHANGEABLE)


async def count_in_force(read: Read, now: datetime) -> Counter[str]:
    """Return the number of keys in force of each partner. They stay the same while `locks.api_keys` is held."""
    counted = select(api_key.c.partner_id, func.count()).where(_in_force(now)).group_by(api_key.c.partner_id)
    return Counter(dict(await read.all(counted)))


async def insert(tx: Tx, record: ApiKeyRecord) -> None:
    """Add a new key."""
    await tx.insert_records(api_key, [record])


async def lock(tx: Tx, key_id: str) -> ApiKeyRecord | None:
    """Return a locked key, or None if there is none with this id."""
    return next(iter(await _lock(tx, [key_id])), None)


async def revoke(tx: Tx, known: ApiKeyRecord) -> ApiKeyRecord:
    """Revoke a locked key as of now, and return its new state."""
    revoked = replace(known, revoked_at=tx.now, record_version=known.record_version + 1)
    await tx.update_records(api_key, [revoked], columns=CHANGEABLE)
    return revoked


async def find(read: Read, key_id: str) -> ApiKeyRecord | None:
    """Return a key, or None if there is none with this id."""
    return await read.read_record(ApiKeyRecord, _ROWS.where(api_key.c.id == key_id))


async def page(read: Read, partner_id: str | None, asked: Slice) -> Sequence[ApiKeyRecord]:
    """Return a page of the keys of one partner, or of all."""
    chosen = where_given(_ROWS, (api_key.c.partner_id, partner_id))
    return await read.read_records(ApiKeyRecord, SORTS.page(chosen, asked))


async def keys_in_force(read: Read, now: datetime) -> Sequence[ApiKeyRecord]:
    """Return every key that is in force. Clocks of two services may differ, so there can be some more than API_KEYS_MAX."""
    return await read.read_records(
        ApiKeyRecord, _ROWS.where(_in_force(now)).order_by(api_key.c.id).limit(2 * API_KEYS_MAX)
    )


async def note_use(tx: Tx, key_id: str, minute: datetime) -> None:
    """Store the minute of the last use of a key, unless a later one is stored."""
    earlier = or_(api_key.c.last_used_at.is_(None), api_key.c.last_used_at < minute)
    await tx.execute(update(api_key).where(api_key.c.id == key_id, earlier).values(last_used_at=minute))


async def _lock(tx: Tx, key_ids: Sequence[str]) -> list[ApiKeyRecord]:
    if not key_ids:
        return []
    locked = _ROWS.where(any_of(api_key.c.id, key_ids)).order_by(api_key.c.id).with_for_update()
    return await tx.read_records(ApiKeyRecord, locked)


def _in_force(now: datetime) -> ColumnElement[bool]:
    expires_at = api_key.c.expires_at
    return and_(api_key.c.revoked_at.is_(None), or_(expires_at.is_(None), expires_at > now))


def _record_of(event: ApiKeyChanged) -> ApiKeyRecord:
    return ApiKeyRecord(
        id=event.key_id,
        partner_id=event.partner_id,
        label=event.label,
        key_hash=bytes.fromhex(event.key_hash),
        scopes=event.scopes,
        created_at=event.created_at,
        expires_at=event.expires_at,
        revoked_at=event.revoked_at,
        record_version=event.record_version,
    )
