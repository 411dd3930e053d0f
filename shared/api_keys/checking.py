"""Check the API keys of requests against the keys in force, which each process has in memory and reads again each second.

However many keys are tried, a process runs at most one statement a second for them, and remembers no key that it does not know.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared import logs
from shared.api_keys import register
from shared.auth.api_key import digest, is_well_formed
from shared.auth.errors import ApiKeyMalformed, ApiKeyUnknown, KeysUnavailable
from shared.auth.principal import Principal
from shared.context import Runtime
from shared.db import failures

SECONDS_FRESH = 1.0
"""The time for which the keys that were read are used. A revoked key is accepted for at most this time longer."""
READ_SECONDS_MAX = 1.0
NOTE_SECONDS_MAX = 0.5
"""The times that a reading of the keys, and a note of a use, may take, so that the request is answered within 5 s."""

log = logs.named("huitou.http", keys=("error_type",))


@dataclass(slots=True)
class KnownKey:
    """A key in force."""

    id: str
    principal: Principal
    """The partner that the key speaks for, with the key's scopes."""
    expires_at: datetime | None
    created_at: datetime
    used_at: datetime | None
    """The minute of the last use, as far as this process knows."""


@dataclass(slots=True)
class _Snapshot:
    """The keys that were in force at a reading, by their digests; None if they could not be read."""

    keys: Mapping[bytes, KnownKey] | None = None
    read_at: float = float("-inf")


@dataclass(slots=True, eq=False)
class ApiKeys:
    """The check of API keys in one process."""

    runtime: Runtime
    seconds: Callable[[], float] = time.monotonic
    """The clock by which a reading ages."""
    _snapshot: _Snapshot = field(default_factory=_Snapshot)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _quiet: logs.QuietLog = field(default_factory=lambda: logs.QuietLog(log))

    async def principal(self, key: str) -> Principal:
        """Return the partner that a key speaks for. Raises ApiKeyMalformed, ApiKeyUnknown or KeysUnavailable."""
        return (await self.find(key)).principal

    async def find(self, key: str) -> KnownKey:
        """Return a key that is in force, and note its use. Raises ApiKeyMalformed, ApiKeyUnknown or KeysUnavailable."""
        if not is_well_formed(key):
            raise ApiKeyMalformed
        if not self._is_fresh:
            await self._read()
        if self._snapshot.keys is None:
            raise KeysUnavailable
        known = self._snapshot.keys.get(digest(key))
        now = self.runtime.clock.now()
        if known is None or (known.expires_at is not None and known.expires_at <= now):
            raise ApiKeyUnknown
        # The minute in which a key is made began before the key, and no key was used before it was made.
        await self._note_use(known, max(now.replace(second=0, microsecond=0), known.created_at))
        return known

    @property
    def _is_fresh(self) -> bool:
        return self.seconds() - self._snapshot.read_at < SECONDS_FRESH

    async def _read(self) -> None:
        """Read the keys in force. Requests that come meanwhile wait for the one reading.

        If the database does not answer, no key is accepted until the next try.
        """
        async with self._reading:
            if self._is_fresh:
                return
            began, database = self.seconds(), self.runtime.database
            try:
                async with asyncio.timeout(READ_SECONDS_MAX), database.read() as read:
                    records = await register.keys_in_force(read, self.runtime.clock.now())
            except Exception as error:
                if not failures.is_transient(error):
                    raise
                self._quiet.warning("API keys could not be read", error_type=type(error).__name__)
                self._snapshot = _Snapshot(None, self.seconds())
                return
            self._quiet.over("API keys are read again")
            keys = {
                record.key_hash: KnownKey(
                    record.id,
                    Principal("partner", record.partner_id, scopes=frozenset(record.scopes)),
                    record.expires_at,
                    record.created_at,
                    record.last_used_at,
                )
                for record in records
            }
            self._snapshot = _Snapshot(keys, began)

    async def _note_use(self, known: KnownKey, minute: datetime) -> None:
        """Store the first use of a key within a minute.

        If the database cannot store the use, it is not tried again. The first use within a later minute is stored.
        """
        database = self.runtime.database
        if database.behind or (known.used_at is not None and known.used_at >= minute):
            return
        known.used_at = minute
        try:
            async with asyncio.timeout(NOTE_SECONDS_MAX), database.begin() as tx:
                await register.note_use(tx, known.id, minute)
        except Exception as error:
            if not failures.is_transient(error):
                raise
            self._quiet.warning("the use of an API key was not noted", error_type=type(error).__name__)
