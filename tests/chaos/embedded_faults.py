"""What can happen to the embedded product: its one process dies, stands still, or finds strange records in its log."""

import asyncio
import signal
from collections.abc import Sequence
from random import Random

from tests.chaos.endings import Endings
from tests.chaos.grounds import EmbeddedGround
from tests.chaos.journal import Journal
from tests.chaos.losses import Losses
from tests.chaos.plan import Fault
from tests.chaos.poison import Poison
from tests.parts import stacks
from tests.parts.embedded import EmbeddedStack

FROZEN_SECONDS_MAX = 6.0
APART_SECONDS_MAX = 1.0


class EmbeddedStriker:
    """Strikes the one process."""

    def __init__(
        self, stack: EmbeddedStack, random: Random, poison: Poison, journal: Journal, *, is_long: bool = True
    ) -> None:
        self._stack, self._random, self._poison, self._is_long = stack, random, poison, is_long
        self.takeovers: dict[str, list[float]] = {}
        """There is nobody else."""
        self.endings = Endings({stack.server.name: stack.server})
        self._losses = Losses(EmbeddedGround(stack, self.endings), random, journal)

    def faults(self) -> Sequence[Fault]:
        faults = (
            Fault("kill -9 of the process", 10, self._kill),
            Fault("kill -9 right after the start", 3, self._kill_at_the_start),
            Fault("SIGTERM and start", 3, self._restart),
            Fault("SIGSTOP of the process", 2, self._freeze),
            Fault("poison in the log while the process is dead", 3, self._poison_the_log),
            *self._losses.faults(),
        )
        return [fault for fault in faults if self._is_long or not fault.is_long]

    async def mend(self) -> None:
        server = self._stack.server
        server.signal(signal.SIGCONT)
        self._start()
        await stacks.wait_ready(self._stack.addresses, {"up": server})

    async def _kill(self) -> bool:
        self._end(signal.SIGKILL)
        await asyncio.sleep(self._random.random() * APART_SECONDS_MAX)
        await self.mend()
        return True

    async def _kill_at_the_start(self) -> bool:
        self._end(signal.SIGKILL)
        self._start()
        await asyncio.sleep(self._random.random() * 4 * APART_SECONDS_MAX)
        return await self._kill()

    async def _restart(self) -> bool:
        await asyncio.to_thread(self._end, signal.SIGTERM)
        await self.mend()
        return True

    async def _freeze(self) -> bool:
        self._stack.server.freeze()
        await asyncio.sleep(self._random.random() * FROZEN_SECONDS_MAX)
        self._stack.server.cont()
        return True

    async def _poison_the_log(self) -> bool:
        self._end(signal.SIGKILL)
        await self._poison.throw()
        await self.mend()
        return True

    def _end(self, by: signal.Signals) -> None:
        self.endings.end(self._stack.server.name, by)

    def _start(self) -> None:
        self.endings.starting(self._stack.server.name)
        self._stack.server.start()
