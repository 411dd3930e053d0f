"""What can happen to the processes of the distributed product: each of them is killed, stopped, or joined by another."""

import asyncio
import signal
from collections.abc import Sequence
from random import Random

from huitou.settings import SERVICES
from tests.chaos import moments
from tests.chaos.endings import Endings
from tests.chaos.plan import Fault
from tests.parts import stacks
from tests.parts.distributed import PROCESSES, DistributedStack

APART_SECONDS_MAX = 2.0
JOINS = 2
CONSUMERS = ("loyalty consume 1", "loyalty consume 2", "feedback consume", "scoring consume")
RELAYS = tuple(f"{service} relay" for service in SERVICES)
EDGES = tuple(f"{service} serve" for service in SERVICES)


class ProcessFaults:
    """Strikes the processes of a stack."""

    def __init__(self, stack: DistributedStack, random: Random, endings: Endings) -> None:
        self._stack, self._random, self._endings = stack, random, endings

    def faults(self) -> Sequence[Fault]:
        return (
            Fault("kill -9 of an HTTP edge", 4, lambda: self._kill(EDGES)),
            Fault("kill -9 of a relay", 4, lambda: self._kill(RELAYS)),
            Fault(
                "kill -9 of a relay between ack and mark", 5, self._kill_relay_before_mark, is_required=True
            ),
            Fault("kill -9 of a consumer", 4, lambda: self._kill(CONSUMERS)),
            Fault("kill -9 of consumers in mid-batch", 5, self._kill_consumers_in_batch),
            Fault("a consumer joins and leaves", 3, self._join_and_leave, is_long=True),
            Fault(
                "SIGTERM of a process",
                2,
                lambda: self._kill(tuple(PROCESSES), by=signal.SIGTERM),
                is_long=True,
            ),
        )

    async def mend(self) -> None:
        for name in PROCESSES:
            self._start(name)
        lasting = {name: self._stack.servers[name] for name in PROCESSES}  # not those that came for a while
        await stacks.wait_ready(self._stack.addresses, lasting)

    async def _kill(self, names: Sequence[str], *, by: signal.Signals = signal.SIGKILL) -> bool:
        name = self._random.choice(names)
        await asyncio.to_thread(self._endings.end, name, by)
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
                self._endings.end(f"{service} relay", signal.SIGKILL)
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
                self._endings.end("loyalty consume 1", signal.SIGKILL)
                self._endings.end("loyalty consume 2", signal.SIGKILL)
            await transaction.rollback()
        await self._apart()
        self._start("loyalty consume 1")
        self._start("loyalty consume 2")
        return struck

    async def _join_and_leave(self) -> bool:
        for _ in range(JOINS):
            self._endings.starting("loyalty consume 3")
            self._stack.add("loyalty consume 3", "loyalty", "consume")
            await asyncio.sleep(2 + self._random.random() * 3)
            by = self._random.choice((signal.SIGTERM, signal.SIGKILL))
            await asyncio.to_thread(self._endings.end, "loyalty consume 3", by)
        return True

    def _start(self, name: str) -> None:
        self._endings.starting(name)
        self._stack.add(name)

    async def _apart(self) -> None:
        await asyncio.sleep(self._random.random() * APART_SECONDS_MAX)


PENDING_HELD = "SELECT id FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED"
