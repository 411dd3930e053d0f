"""A pool of PostgreSQL databases: each is made from a template once, leased to one test after the other, and emptied."""

import asyncio
import contextlib
import fcntl
import os
import secrets
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import asyncpg
from sqlalchemy import QueuePool
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import SystemClock
from shared.db.postgres import PostgresDatabase
from tests.parts.postgres import Databases

LOCK_SECONDS_MAX = 2
WARM_LEASES_MAX = 24
"""Databases of one process whose connections stay open while nobody leases them; the first that came back go first."""
WARM_CONNECTIONS_MAX = 2
"""Connections that a database keeps between leases: a server shared by two workers has 200 in all."""

# The rows that a template holds (its revision, say) are put aside once, in a schema of their own, and put back after
# every emptying. `session_replication_role` keeps triggers and foreign keys quiet for the emptying connection alone:
# append-only tables stay append-only for everybody else.
PUT_ASIDE = """
CREATE SCHEMA IF NOT EXISTS pristine;
DO $$
DECLARE name text; filled boolean;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', name) INTO filled;
        IF filled THEN
            EXECUTE format('CREATE TABLE pristine.%I AS TABLE public.%I', name, name);
        END IF;
    END LOOP;
END $$;
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY tablename"
SEQUENCES = """
SELECT format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value), last_value IS NOT NULL
FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1
"""
# Every change of a table, a column, a constraint, a trigger, a function or a setting writes a row of these catalogues.
SCHEMA = """
SELECT concat_ws(' ',
    (SELECT sum(xmin::text::bigint) FROM pg_trigger WHERE NOT tgisinternal),
    (SELECT sum(a.xmin::text::bigint) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace),
    (SELECT sum(xmin::text::bigint) FROM pg_constraint WHERE connamespace = 'public'::regnamespace),
    (SELECT sum(xmin::text::bigint) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
    (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace),
    (SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase
        WHERE datname = current_database()))
"""
OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

Fill = Callable[[str], Awaitable[None]]
"""Bring the database at this URL to what the template holds."""


@dataclass
class Lease:
    """A database that one test has for itself."""

    url: str
    engine: AsyncEngine
    emptier: asyncpg.Connection
    emptying: str
    schema: str
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    async def empty(self) -> bool:
        """Delete the rows that the test left, and return whether the database is as it was made."""
        pool = cast(QueuePool, self.engine.pool)
        left, kept = pool.checkedout(), pool.checkedin()
        strangers = bool(left) or await self.emptier.fetchval(OTHERS) > kept
        if strangers or kept > WARM_CONNECTIONS_MAX:
            await self.engine.dispose()
        if strangers:
            await self.emptier.execute(END_OTHERS)
        await self.emptier.execute(self.emptying or "SELECT")
        return bool(await self.emptier.fetchval(SCHEMA) == self.schema)

    async def close(self) -> None:
        """Close every connection; the database stays."""
        await self.engine.dispose()
        await self.emptier.close()


class Pool:
    """Leases databases on one server, warm ones first."""

    warm_loop: asyncio.AbstractEventLoop | None = None
    """The loop whose leases keep their connections; in any other loop they are opened and closed by each lease."""

    def __init__(self, server: Databases) -> None:
        self._server = server
        self._templates = set[str]()
        self._warm = list[tuple[str, Lease]]()
        self._cold = defaultdict[str, list[str]](list)

    async def ensure_template(self, name: str, fill: Fill) -> None:
        """Make the template unless it exists; another process that makes it is waited for."""
        if name in self._templates:
            return
        async with _alone():
            if not await self._server.has_database(name):
                url = await self._server.create_database(name=f"huitou_unfinished_{secrets.token_hex(4)}")
                await fill(url)
                connection = await asyncpg.connect(_driver_url(url))
                await connection.execute(PUT_ASIDE)
                await connection.close()
                await self._server.rename_database(url, name)
        self._templates.add(name)

    @asynccontextmanager
    async def lease(self, template: str) -> AsyncIterator[Lease]:
        """Lease a database made from `template`; it comes back empty, or not at all when it was changed."""
        warm = asyncio.get_running_loop() is self.warm_loop
        lease = (self._take_warm(template) if warm else None) or await self._open(template)
        try:
            yield lease
        finally:
            usable = await _emptied(lease)
            if usable and warm:
                await self._keep_warm(template, lease)
            else:
                await lease.close()
                if usable:
                    self._cold[template].append(lease.url)
                else:
                    await self._server.drop_database(lease.url)

    async def close(self) -> None:
        """Close every connection; drop every database that is not leased, on a server that outlives the run."""
        for _, lease in self._warm:
            await lease.close()
            self._cold[""].append(lease.url)
        if not self._server.temporary:
            for url in [url for urls in self._cold.values() for url in urls]:
                await self._server.drop_database(url)
        self._warm.clear()
        self._cold.clear()

    def _take_warm(self, template: str) -> Lease | None:
        for place in reversed(range(len(self._warm))):
            if self._warm[place][0] == template:
                return self._warm.pop(place)[1]
        return None

    async def _keep_warm(self, template: str, lease: Lease) -> None:
        """Keep the connections of a lease; close those of the one that nobody has asked for the longest."""
        self._warm.append((template, lease))
        if len(self._warm) > WARM_LEASES_MAX:
            template, oldest = self._warm.pop(0)
            await oldest.close()
            self._cold[template].append(oldest.url)

    async def _open(self, template: str) -> Lease:
        cold = self._cold[template]
        url = cold.pop() if cold else await self._server.create_database(template)
        emptier = await asyncpg.connect(
            _driver_url(url),
            server_settings={
                "session_replication_role": "replica",
                "lock_timeout": f"{LOCK_SECONDS_MAX}s",
            },
        )
        filled = {name for (name,) in await emptier.fetch(TABLES, "pristine")}
        statements = [f'DELETE FROM public."{name}"' for (name,) in await emptier.fetch(TABLES, "public")]
        statements += [f'INSERT INTO public."{name}" TABLE pristine."{name}"' for name in sorted(filled)]
        for sequence, value, called in await emptier.fetch(SEQUENCES):
            statements.append(f"SELECT setval('{sequence}', {value}, {str(called).lower()})")
        return Lease(
            url=url,
            engine=PostgresDatabase(url, SystemClock(), None).engine,
            emptier=emptier,
            emptying=";".join(statements),
            schema=cast(str, await emptier.fetchval(SCHEMA)),
        )


async def _emptied(lease: Lease) -> bool:
    try:
        return await lease.empty()
    except (asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.LockNotAvailableError, OSError):
        return False  # the test ended every connection, or left a lock: the database is dropped


@asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """Hold a lock that every process of this machine sees; waiting for it does not block the loop."""
    path = Path(tempfile.gettempdir()) / f"huitou-template-{os.getuid()}.lock"
    with path.open("w") as file:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            await asyncio.sleep(0.02)
        yield


def _driver_url(url: str) -> str:
    return url.replace("postgresql+asyncpg://", "postgresql://")
