"""What can happen to the distributed product: any of its processes, its broker or its database dies or stands still."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random

import asyncpg

from huitou.settings import SERVICES
from shared.bus import BusUnavailable
from shared.outbox.lease import LEASE_SPACE
from tests.chaos.faults import Fault
from tests.chaos.poison import Poison
from tests.parts import stacks
from tests.parts.distributed import PROCESSES, DistributedStack
from tests.parts.kafka import ApacheKafka
from tests.parts.postgres import Postgres
from tests.parts.processes import PartMissing

LOOK_SECONDS = 0.01
CHANCE_SECONDS_MAX = 8.0
"""How long it is waited for the moment that a fault needs; without one it did not strike."""
APART_SECONDS_MAX = 2.0
STANDBY_SECONDS_MAX = 30.0
TAKEOVER_SECONDS_MAX = 30.0
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
        self.takeovers: list[float] = []
        """Seconds until another relay held the lease of one that stood still."""

    def faults(self) -> Sequence[Fault]:
        short = (
            Fault("kill -9 of an HTTP edge", 4, lambda: self._kill(EDGES)),
            Fault("kill -9 of a relay", 4, lambda: self._kill(RELAYS)),
            Fault("kill -9 of a relay between ack and mark", 5, self._kill_relay_before_mark),
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
            Fault("a back end killed", 1, self._kill_back_end),
            Fault("a consumer joins and leaves", 3, self._join_and_leave),
            Fault("SIGSTOP of a relay past its lease", 3, self._freeze_relay),
            Fault("SIGSTOP of a consumer past its session", 2, self._freeze_consumer),
            Fault("SIGTERM of a process", 2, lambda: self._kill(tuple(PROCESSES), by=signal.SIGTERM)),
        )
        return short + long if self._pace.is_long else short

    async def mend(self) -> None:
        self._kafka.cont()
        self._postgres.cont()
        await _up(self._kafka.start_soon, self._kafka.wait)
        await _up(self._postgres.start_soon, self._postgres.wait)
        for name in PROCESSES:
            self._stack.servers[name].signal(signal.SIGCONT)
            self._stack.add(name)
        await stacks.wait_ready(self._stack.addresses, self._stack.servers)

    async def _kill(self, names: Sequence[str], *, by: signal.Signals = signal.SIGKILL) -> bool:
        server = self._stack.servers[self._random.choice(names)]
        await asyncio.to_thread(server.end, by, seconds_max=stacks.STOP_SECONDS_MAX)
        await self._apart()
        server.start()
        return True

    async def _kill_relay_before_mark(self) -> bool:
        """Hold the rows that wait, so that the relay can send them and cannot mark them; then it dies."""
        service = self._random.choice(("profile", "loyalty"))
        connection = await self._connect(service)
        try:
            transaction = connection.transaction()
            await transaction.start()

            async def held() -> bool:
                return bool(await connection.fetch(PENDING_HELD))

            struck = await _within(held) and await self._is_waited_for(service, "%UPDATE outbox%")
            if struck:
                self._end_now(f"{service} relay")
            await transaction.rollback()
        finally:
            connection.terminate()
        await self._apart()
        self._stack.add(f"{service} relay")
        return struck

    async def _kill_consumers_in_batch(self) -> bool:
        """Hold the table that a batch writes last of all, until a consumer waits in its transaction; then all die."""
        connection = await self._connect("loyalty")
        try:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("LOCK TABLE consumer_position IN EXCLUSIVE MODE")
            struck = await self._is_waited_for("loyalty", "%UPDATE consumer_position%")
            if struck:
                self._end_now("loyalty consume 1")
                self._end_now("loyalty consume 2")
            await transaction.rollback()
        finally:
            connection.terminate()
        await self._apart()
        self._stack.add("loyalty consume 1")
        self._stack.add("loyalty consume 2")
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

            return await _within(ended)
        finally:
            connection.terminate()

    async def _kill_back_end(self) -> bool:
        """kill -9 of one back end: the server ends all the others and recovers."""
        connection = await asyncpg.connect(self._postgres.admin_url)
        try:
            pids = await connection.fetch(IN_TRANSACTION)
        finally:
            connection.terminate()
        if pids:
            os.kill(self._random.choice(pids)["pid"], signal.SIGKILL)
        return bool(pids)

    async def _join_and_leave(self) -> bool:
        for _ in range(JOINS):
            server = self._stack.add("loyalty consume 3", "loyalty", "consume")
            await asyncio.sleep(2 + self._random.random() * 3)
            by = self._random.choice((signal.SIGTERM, signal.SIGKILL))
            await asyncio.to_thread(server.end, by, seconds_max=stacks.STOP_SECONDS_MAX)
        return True

    async def _freeze_relay(self) -> bool:
        """A relay stands still until another has taken its lease over; then it goes on as a zombie."""
        service = self._random.choice(("profile", "loyalty"))
        standby = self._stack.add(f"{service} relay 2", service, "relay")
        connection = await self._connect(service)
        try:
            holder = await connection.fetchval(HOLDER, LEASE_SPACE)

            async def waits() -> bool:
                return bool(await connection.fetchval(WAITERS) > 1)

            async def taken_over() -> bool:
                now = await connection.fetchval(HOLDER, LEASE_SPACE)
                return now is not None and now != holder

            if not await _within(waits, seconds_max=STANDBY_SECONDS_MAX):
                return False
            self._stack.servers[f"{service} relay"].freeze()
            began = time.monotonic()
            if not await _within(taken_over, seconds_max=TAKEOVER_SECONDS_MAX):
                raise AssertionError(f"nobody took over within {TAKEOVER_SECONDS_MAX:.0f} s")
            self.takeovers.append(time.monotonic() - began)
            await self._apart()
            self._stack.servers[f"{service} relay"].cont()
            await self._apart()
            return True
        finally:
            connection.terminate()
            self._stack.servers[f"{service} relay"].signal(signal.SIGCONT)
            await asyncio.to_thread(standby.end, signal.SIGTERM, seconds_max=stacks.STOP_SECONDS_MAX)

    async def _freeze_consumer(self) -> bool:
        server = self._stack.servers[self._random.choice(CONSUMERS)]
        server.freeze()
        await asyncio.sleep(self._pace.consumer_frozen_seconds)
        server.cont()
        return True

    async def _throw_poison(self) -> bool:
        try:
            return await self._poison.throw()
        except BusUnavailable:
            return False

    def _end_now(self, name: str) -> None:
        self._stack.servers[name].end(signal.SIGKILL, seconds_max=stacks.STOP_SECONDS_MAX)

    async def _apart(self) -> None:
        await asyncio.sleep(self._random.random() * APART_SECONDS_MAX)

    async def _connect(self, service: str) -> asyncpg.Connection:
        return await asyncpg.connect(
            self._stack.databases[service].replace("postgresql+asyncpg://", "postgresql://")
        )

    async def _is_waited_for(self, service: str, statement: str) -> bool:
        """Whether a back end of the service soon waits with this statement for a lock of ours."""
        watcher = await self._connect(service)
        try:

            async def waits() -> bool:
                return bool(await watcher.fetchval(BLOCKED, statement))

            return await _within(waits)
        finally:
            watcher.terminate()


async def _within(
    condition: Callable[[], Awaitable[bool]], *, seconds_max: float = CHANCE_SECONDS_MAX
) -> bool:
    """Whether the condition comes to hold in time."""
    deadline = time.monotonic() + seconds_max
    while not await condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True


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
BLOCKED = """SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE $1 AND pid <> pg_backend_pid()"""
IN_TRANSACTION = """SELECT pid FROM pg_stat_activity
 WHERE usename LIKE 'huitou\\_%' AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"""
TERMINATED = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE usename LIKE 'huitou\\_%' AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
 ORDER BY query <> 'COMMIT' LIMIT 2"""
HOLDER = """SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
 WHERE datname = current_database() AND locktype = 'advisory' AND classid = $1 AND objsubid = 2 AND granted"""
WAITERS = """SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
   AND (query ILIKE '%pg_try_advisory_lock(%' OR query = 'SELECT 1')"""
