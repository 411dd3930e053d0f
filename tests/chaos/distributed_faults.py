"""What can happen to the distributed product: any of its processes, its broker or its database dies or stands still."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import asyncpg

from huitou.settings import SERVICES
from shared.bus import BusUnavailable
from tests.chaos import moments
from tests.chaos.endings import Endings
from tests.chaos.plan import Fault
from tests.chaos.poison import Poison
from tests.chaos.zombies import Zombies
from tests.parts import stacks
from tests.parts.distributed import PROCESSES, DistributedStack
from tests.parts.kafka import ApacheKafka
from tests.parts.postgres import Postgres
from tests.parts.processes import PartMissing

APART_SECONDS_MAX = 2.0
RECOVERY_SECONDS_MAX = 30.0
START_TRIES_MAX = 10
JOINS = 2
CONSUMERS = ("loyalty consume 1", "loyalty consume 2", "feedback consume", "scoring consume")
RELAYS = tuple(f"{service} relay" for service in SERVICES)
EDGES = tuple(f"{service} serve" for service in SERVICES)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things stand still: past a session and a lease, or only a little in a short round."""

    broker_frozen_seconds: float = 15.0
    consumer_frozen_seconds: float = 13.0
    is_long: bool = True


class DistributedStriker:
    """Strikes processes, broker and database of a stack."""

    def __init__(self, stack: DistributedStack, random: Random, poison: Poison, pace: Pace) -> None:
        assert isinstance(stack.kafka, ApacheKafka), "only a broker of our own may be killed"
        assert isinstance(stack.postgres, Postgres), "only a database server of our own may be killed"
        self._stack, self._random, self._poison, self._pace = stack, random, poison, pace
        self._kafka, self._postgres = stack.kafka, stack.postgres
        self.takeovers: dict[str, list[float]] = {}
        self.endings = Endings(stack.servers)
        self._zombies = Zombies(stack, random, self.takeovers, self.endings)

    def faults(self) -> Sequence[Fault]:
        short = (
            Fault("kill -9 of an HTTP edge", 4, lambda: self._kill(EDGES)),
            Fault("kill -9 of a relay", 4, lambda: self._kill(RELAYS)),
            Fault(
                "kill -9 of a relay between ack and mark", 5, self._kill_relay_before_mark, is_required=True
            ),
            Fault("kill -9 of a consumer", 4, lambda: self._kill(CONSUMERS)),
            Fault("kill -9 of consumers in mid-batch", 5, self._kill_consumers_in_batch),
            Fault("broker killed", 3, lambda: self._broker(self._kafka.kill)),
            Fault("broker hung", 2, self._freeze_broker),
            Fault("PostgreSQL restarted", 2, lambda: self._database(self._postgres.stop)),
            Fault("PostgreSQL killed", 2, lambda: self._database(self._postgres.kill)),
            Fault("back ends terminated in mid-transaction", 4, self._terminate_back_ends),
            Fault("poison on the topics", 4, self._throw_poison),
        )
        long = (
            Fault("broker stopped", 1, lambda: self._broker(self._kafka.stop)),
            Fault("kill -9 of a back end in mid-commit", 3, self._kill_back_end),
            Fault("a consumer joins and leaves", 3, self._join_and_leave),
            Fault("SIGSTOP of a relay past its lease", 3, self._zombies.freeze_relay),
            Fault("SIGSTOP of a consumer past its session", 2, self._freeze_consumer),
            Fault("SIGSTOP of a consumer in mid-batch", 2, self._zombies.freeze_consumer_in_batch),
            Fault("SIGTERM of a process", 2, lambda: self._kill(tuple(PROCESSES), by=signal.SIGTERM)),
        )
        return short + long if self._pace.is_long else short

    async def mend(self) -> None:
        self._kafka.cont()
        self._postgres.cont()
        await _up(self._kafka.start_soon, self._kafka.wait)
        await _up(self._postgres.start_soon, self._postgres.wait)
        await self._await_no_standby()
        for name in PROCESSES:
            self._stack.servers[name].signal(signal.SIGCONT)
            self._start(name)
        lasting = {name: self._stack.servers[name] for name in PROCESSES}  # not who came for a while and left
        await stacks.wait_ready(self._stack.addresses, lasting)

    async def _kill(self, names: Sequence[str], *, by: signal.Signals = signal.SIGKILL) -> bool:
        name = self._random.choice(names)
        await asyncio.to_thread(self.endings.end, name, by)
        await self._apart()
        self._start(name)
        return True

    async def _kill_relay_before_mark(self) -> bool:
        """Hold the rows that wait, so that the relay can send them and cannot mark them; then it dies."""
        service = self._random.choice(("profile", "loyalty"))
        async with moments.connected(self._stack, service) as connection:
            transaction = connection.transaction()
            await transaction.start()

            async def held() -> bool:
                return bool(await connection.fetch(PENDING_HELD))

            struck = await moments.within(held)
            struck = struck and bool(await moments.waiting_for_us(self._stack, service, "%UPDATE outbox%"))
            if struck:
                self.endings.end(f"{service} relay", signal.SIGKILL)
            await transaction.rollback()
        await self._apart()
        self._start(f"{service} relay")
        return struck

    async def _kill_consumers_in_batch(self) -> bool:
        """Hold the table that a batch writes last of all, until a consumer waits in its transaction; then all die."""
        async with moments.connected(self._stack, "loyalty") as connection:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("LOCK TABLE consumer_position IN EXCLUSIVE MODE")
            struck = bool(await moments.waiting_for_us(self._stack, "loyalty", "%UPDATE consumer_position%"))
            if struck:
                self.endings.end("loyalty consume 1", signal.SIGKILL)
                self.endings.end("loyalty consume 2", signal.SIGKILL)
            await transaction.rollback()
        await self._apart()
        self._start("loyalty consume 1")
        self._start("loyalty consume 2")
        return struck

    async def _broker(self, end: Callable[[], None]) -> bool:
        await asyncio.to_thread(end)
        await self._apart()
        await _up(self._kafka.start_soon, self._kafka.wait)
        return True

    async def _freeze_broker(self) -> bool:
        self._kafka.freeze()
        await asyncio.sleep(self._pace.broker_frozen_seconds)
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

    async def _join_and_leave(self) -> bool:
        for _ in range(JOINS):
            self.endings.starting("loyalty consume 3")
            self._stack.add("loyalty consume 3", "loyalty", "consume")
            await asyncio.sleep(2 + self._random.random() * 3)
            by = self._random.choice((signal.SIGTERM, signal.SIGKILL))
            await asyncio.to_thread(self.endings.end, "loyalty consume 3", by)
        return True

    async def _freeze_consumer(self) -> bool:
        return await self._zombies.freeze_consumer(CONSUMERS, self._pace.consumer_frozen_seconds)

    async def _throw_poison(self) -> bool:
        try:
            return await self._poison.throw()
        except BusUnavailable:
            return False

    def _start(self, name: str) -> None:
        self.endings.starting(name)
        self._stack.add(name)

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


PENDING_HELD = "SELECT id FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED"
IN_COMMIT = """SELECT pid FROM pg_stat_activity
 WHERE usename LIKE 'huitou\\_%' AND wait_event = 'SyncRep'"""
TERMINATED = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE usename LIKE 'huitou\\_%' AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
 ORDER BY query <> 'COMMIT' LIMIT 2"""
