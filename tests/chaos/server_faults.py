"""What can happen to the servers of the distributed product: its broker and its database die, stop or stand still."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from random import Random

import asyncpg

from tests.chaos import moments
from tests.chaos.plan import Fault
from tests.parts.distributed import DistributedStack
from tests.parts.kafka import ApacheKafka
from tests.parts.postgres import Postgres
from tests.parts.processes import PartMissing

APART_SECONDS_MAX = 2.0
RECOVERY_SECONDS_MAX = 30.0
START_TRIES_MAX = 10


class ServerFaults:
    """Strikes the broker and the database server of a stack."""

    def __init__(self, stack: DistributedStack, random: Random, *, broker_frozen_seconds: float) -> None:
        assert isinstance(stack.kafka, ApacheKafka), "only a broker of our own may be killed"
        assert isinstance(stack.postgres, Postgres), "only a database server of our own may be killed"
        self._kafka, self._postgres = stack.kafka, stack.postgres
        self._random, self._broker_frozen_seconds = random, broker_frozen_seconds

    def faults(self) -> Sequence[Fault]:
        return (
            Fault("broker killed", 3, lambda: self._broker(self._kafka.kill)),
            Fault("broker hung", 2, self._freeze_broker),
            Fault("broker stopped", 1, lambda: self._broker(self._kafka.stop), is_long=True),
            Fault("PostgreSQL restarted", 2, lambda: self._database(self._postgres.stop)),
            Fault("PostgreSQL killed", 2, lambda: self._database(self._postgres.kill)),
            Fault("back ends terminated in mid-transaction", 4, self._terminate_back_ends),
            Fault("kill -9 of a back end in mid-commit", 3, self._kill_back_end, is_long=True),
        )

    async def mend(self) -> None:
        self._kafka.cont()
        self._postgres.cont()
        await _up(self._kafka.start_soon, self._kafka.wait)
        await _up(self._postgres.start_soon, self._postgres.wait)
        await self._await_no_standby()

    async def _broker(self, end: Callable[[], None]) -> bool:
        await asyncio.to_thread(end)
        await self._apart()
        await _up(self._kafka.start_soon, self._kafka.wait)
        return True

    async def _freeze_broker(self) -> bool:
        self._kafka.freeze()
        await asyncio.sleep(self._broker_frozen_seconds)
        self._kafka.cont()
        return True

    async def _database(self, end: Callable[[], None]) -> bool:
        await asyncio.to_thread(end)
        await self._apart()
        await _up(self._postgres.start_soon, self._postgres.wait)
        return True

    async def _terminate_back_ends(self) -> bool:
        """End whoever is in a transaction, whoever commits just now before all others."""
        connection = await asyncpg.connect(self._postgres.admin_url)
        try:

            async def ended() -> bool:
                return bool(await connection.fetch(TERMINATED))

            return await moments.within(ended)
        finally:
            connection.terminate()

    async def _kill_back_end(self) -> bool:
        """kill -9 of a back end in mid-commit: the server ends all the others and recovers.

        Commits wait for a standby that never comes: what is committed is on the disk and nobody has been told.
        """
        connection = await asyncpg.connect(self._postgres.admin_url)
        pids: list[int] = []
        try:
            await connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            await connection.execute("SELECT pg_reload_conf()")

            async def commits() -> bool:
                pids[:] = [row["pid"] for row in await connection.fetch(IN_COMMIT)]
                return bool(pids)

            if await moments.within(commits):
                os.kill(self._random.choice(pids), signal.SIGKILL)
        finally:
            connection.terminate()
            await self._await_no_standby()
        return bool(pids)

    async def _await_no_standby(self) -> None:
        """Have commits wait for nobody again, as soon as the server takes orders."""

        async def told() -> bool:
            try:
                connection = await asyncpg.connect(self._postgres.admin_url)
                try:
                    await connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
                    await connection.execute("SELECT pg_reload_conf()")
                finally:
                    connection.terminate()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return False
            return True

        assert await moments.within(told, seconds_max=RECOVERY_SECONDS_MAX), "PostgreSQL did not recover"

    async def _apart(self) -> None:
        await asyncio.sleep(self._random.random() * APART_SECONDS_MAX)


async def _up(start_soon: Callable[[], None], wait: Callable[[], None]) -> None:
    """Start a server again, more than once where it still sees what it left behind."""
    for tries_left in reversed(range(START_TRIES_MAX)):
        start_soon()
        try:
            await asyncio.to_thread(wait)
            return
        except PartMissing:
            if not tries_left:
                raise


IN_COMMIT = """SELECT pid FROM pg_stat_activity
 WHERE usename LIKE 'huitou\\_%' AND wait_event = 'SyncRep'"""
TERMINATED = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE usename LIKE 'huitou\\_%' AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
 ORDER BY query <> 'COMMIT' LIMIT 2"""
