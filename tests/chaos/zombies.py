"""Processes that stand still until another one has taken their work over, and then go on: they must write nothing."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.bus import Bus, TopicPartition, open_bus
from shared.db.locks import LEASE_SPACE
from shared.events import BY_TYPE
from tests.chaos import books, moments
from tests.chaos.endings import Endings
from tests.chaos.plan import Fault
from tests.chaos.process_faults import CONSUMERS
from tests.parts.distributed import DistributedStack
from tests.parts.processes import Server

TAKEOVER_SECONDS_MAX = 15.0
STANDBY_SECONDS_MAX = 60.0
SETTLING_SECONDS = 5.0
"""What has come in so long after the fault, shorter than a session, needs whoever takes over."""
IN_FLIGHT_SECONDS = 1.5
"""What is applied so soon was on its way to the one that runs."""
ZOMBIE_SECONDS = 2.0
"""How long a zombie is watched."""
PAGE = 1_000
CONSUMED = ["huitou.customers", "huitou.feedback", "huitou.purchases"]
"""What loyalty's consumers read."""
TOPICS = sorted({event.topic.name for event in BY_TYPE.values()})
MEMBERS = ("loyalty consume 1", "loyalty consume 2")


class Zombies:
    """Freezes relays and consumers of a stack."""

    def __init__(
        self,
        stack: DistributedStack,
        random: Random,
        takeovers: dict[str, list[float]],
        endings: Endings,
        *,
        frozen_seconds: float,
    ) -> None:
        """Strike this stack; `frozen_seconds` is how long a consumer stands still at least."""
        self._stack, self._random, self._takeovers, self._endings = stack, random, takeovers, endings
        self._frozen_seconds = frozen_seconds

    def faults(self) -> Sequence[Fault]:
        return (
            Fault("SIGSTOP of a relay past its lease", 3, self.freeze_relay, is_long=True),
            Fault("SIGSTOP of a consumer past its session", 2, self.freeze_consumer, is_long=True),
            Fault("SIGSTOP of a consumer in mid-batch", 2, self.freeze_consumer_in_batch, is_long=True),
        )

    async def mend(self) -> None:
        for server in self._stack.servers.values():
            server.signal(signal.SIGCONT)

    async def freeze_relay(self) -> bool:
        """A relay stands still until another has taken its lease over; then it goes on as a zombie."""
        service = self._random.choice(("profile", "loyalty"))
        second = f"{service} relay 2"
        self._endings.starting(second)
        standby = self._stack.add(second, service, "relay")
        relay = self._stack.servers[f"{service} relay"]
        try:
            async with moments.connected(self._stack, service) as connection:
                return await self._take_lease_over(connection, service, relay, standby)
        finally:
            relay.cont()
            await asyncio.to_thread(self._endings.end, second, signal.SIGTERM)

    async def _take_lease_over(
        self, connection: asyncpg.Connection, service: str, relay: Server, standby: Server
    ) -> bool:
        holder = await connection.fetchval(HOLDER, LEASE_SPACE)

        async def waits() -> bool:
            return bool(await connection.fetchval(WAITERS) > 1)

        async def taken_over() -> bool:
            now = await connection.fetchval(HOLDER, LEASE_SPACE)
            return now is not None and now != holder

        if holder is None or not await moments.within(waits, seconds_max=STANDBY_SECONDS_MAX):
            return False
        relay.freeze()
        began = time.monotonic()
        if not await moments.within(taken_over, seconds_max=TAKEOVER_SECONDS_MAX):
            raise AssertionError(f"nobody took the lease over within {TAKEOVER_SECONDS_MAX:.0f} s")
        self._tell("leases of relays", began)
        await self._write_nothing(connection, service, relay, standby)
        return True

    async def _write_nothing(
        self, connection: asyncpg.Connection, service: str, zombie: Server, standby: Server
    ) -> None:
        """What another one has sent and marked is neither sent nor marked again by the zombie that wakes now.

        Nor does it send what is written from then on: that would be in the topic twice, from it and from the one that
        leads. A leader that failed meanwhile says so in its log and sends again itself; then nothing can be told of it.
        A row that the zombie alone has sent, or marked, looks like the leader's: under load not all of them can be.
        """
        last = await connection.fetchval("SELECT max(id) FROM outbox")

        async def sent() -> bool:
            return not await connection.fetchval(PENDING_UP_TO, last)

        has_sent = await moments.within(sent)
        marks = await _marks(connection)
        bus = open_bus(self._stack.environment["HUITOU_BUS_URL"], home=self._stack.home)
        try:
            ends = await bus.end_offsets(TOPICS)
            said = standby.log.stat().st_size
            zombie.cont()
            await asyncio.sleep(ZOMBIE_SECONDS)
            found = await _events_since(bus, ends, service)
        finally:
            await bus.close()
        now = await _marks(connection)
        again = set(found) & set(marks)
        leads_well = has_sent and standby.running and standby.log.stat().st_size == said
        twice = {event_id for event_id, times in found.items() if times > 1} if leads_well else set()
        changed = [event_id for event_id, at in marks.items() if now.get(event_id) != at]
        assert not again, f"a zombie sent what had been sent: {sorted(again)}"
        assert not twice, f"a zombie sent what another one sends: {sorted(twice)}"
        assert not changed, f"a zombie marked what had been marked: {sorted(changed)}"

    async def freeze_consumer(self) -> bool:
        """A consumer stands still past its session; of loyalty's two, the other takes over.

        What it applies when it goes on is not looked at here. That it makes nothing twice is held when the round is
        over: one credit of each purchase and remedy (`facts.wrong`), every customer's points (the oracle), and
        `huitou verify`.
        """
        name = self._random.choice(CONSUMERS)
        if name in MEMBERS and not await self._both_work():
            return False
        server, began = self._stack.servers[name], time.monotonic()
        server.freeze()
        try:
            if name in MEMBERS:
                await self._take_partitions_over("consumers at random", began)
            await asyncio.sleep(max(began + self._frozen_seconds - time.monotonic(), 0))
        finally:
            server.cont()
        return True

    async def freeze_consumer_in_batch(self) -> bool:
        """A consumer stands still with a transaction open in which everything is locked and written.

        That it commits nothing of it when it goes on is held like what `freeze_consumer` leaves.
        """
        if not await self._both_work():
            return False
        async with moments.connected(self._stack, "loyalty") as connection:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(HELD)
            ports = await moments.waiting_for_us(self._stack, "loyalty", "%UPDATE consumer_position%")
            servers = [self._stack.servers[name] for name in MEMBERS]
            owners = [
                server
                for server in servers
                if server.pid and any(moments.owns(server.pid, port) for port in ports)
            ]
            if not owners:
                return False
            owners[0].freeze()
            began = time.monotonic()
            await transaction.rollback()
        try:
            await self._take_partitions_over("consumers in mid-batch", began)
        finally:
            owners[0].cont()
        return True

    async def _take_partitions_over(self, whose: str, began: float) -> None:
        await asyncio.sleep(max(began + SETTLING_SECONDS - time.monotonic(), 0))
        ends = await self._ends()
        if await self._reaches(ends, IN_FLIGHT_SECONDS):
            return  # what stood still was nobody's turn
        if not await self._reaches(ends, began + TAKEOVER_SECONDS_MAX - time.monotonic()):
            raise AssertionError(f"nobody took {whose} over within {TAKEOVER_SECONDS_MAX:.0f} s: {ends}")
        self._tell(whose, began)

    async def _both_work(self) -> bool:
        """Whether both of loyalty's consumers soon have their places in the group, and nothing is left behind."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._stack.kafka.servers)
        await admin.start()
        try:

            async def both() -> bool:
                (answer,) = await admin.describe_consumer_groups(["loyalty"])
                (_, _, state, _, _, members, *_) = answer.groups[0]
                return state == "Stable" and len(members) >= len(MEMBERS)

            return await moments.within(both) and await self._reaches(
                await self._ends(), moments.CHANCE_SECONDS_MAX
            )
        except KafkaError:
            return False
        finally:
            await admin.close()

    async def _reaches(self, ends: Mapping[TopicPartition, int], seconds_max: float) -> bool:
        """Whether loyalty comes to have applied everything before these ends in time."""

        async with moments.connected(self._stack, "loyalty") as connection:

            async def reached() -> bool:
                positions = await _positions(connection)
                return all(positions.get(place, 0) >= end for place, end in ends.items())

            return await moments.within(reached, seconds_max=seconds_max)

    async def _ends(self) -> Mapping[TopicPartition, int]:
        bus = open_bus(self._stack.environment["HUITOU_BUS_URL"], home=self._stack.home)
        try:
            return await bus.end_offsets(CONSUMED)
        finally:
            await bus.close()

    def _tell(self, whose: str, began: float) -> None:
        self._takeovers.setdefault(whose, []).append(time.monotonic() - began)


async def _positions(connection: asyncpg.Connection) -> dict[TopicPartition, int]:
    """Up to where loyalty has applied everything."""
    rows = await connection.fetch(POSITIONS)
    return {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def _marks(connection: asyncpg.Connection) -> dict[str, datetime]:
    """When each event that is marked as sent was marked."""
    return {str(row["event_id"]): row["published_at"] for row in await connection.fetch(MARKED)}


async def _events_since(bus: Bus, ends: Mapping[TopicPartition, int], service: str) -> Counter[str]:
    """The events of a service behind these ends, and how often each is there."""
    now, found = await bus.end_offsets(TOPICS), Counter[str]()
    for place, offset in ends.items():
        while offset < now[place] and (page := await bus.read(place, offset, PAGE)):
            found.update(
                books.event_id(record)
                for record in page
                if books.header(record, "ce_source") == f"/huitou/{service}"
            )
            offset = page[-1].offset + 1
    return found


MARKED = "SELECT event_id, published_at FROM outbox WHERE published_at IS NOT NULL"
PENDING_UP_TO = "SELECT count(*) FROM outbox WHERE published_at IS NULL AND id <= $1"
HELD = "SELECT next_offset FROM consumer_position WHERE consumer = 'loyalty' FOR UPDATE"
"""Rows, not the table: PostgreSQL does not end who stands still between preparing a statement and executing it."""
POSITIONS = "SELECT topic, partition, next_offset FROM consumer_position WHERE consumer = 'loyalty'"
HOLDER = """SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
 WHERE datname = current_database() AND locktype = 'advisory' AND classid = $1 AND objsubid = 2 AND granted"""
WAITERS = """SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
   AND (query ILIKE '%pg_try_advisory_lock(%' OR query = 'SELECT 1')"""
