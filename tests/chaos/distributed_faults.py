"""What can happen to the distributed product: the families of its faults, and the order in which they are mended."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from shared.bus import BusUnavailable
from tests.chaos.endings import Endings
from tests.chaos.grounds import DistributedGround
from tests.chaos.journal import Journal
from tests.chaos.losses import Losses
from tests.chaos.plan import Family, Fault
from tests.chaos.poison import Poison
from tests.chaos.process_faults import ProcessFaults
from tests.chaos.server_faults import ServerFaults
from tests.chaos.zombies import Zombies
from tests.parts.distributed import DistributedStack


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things stand still: past a session and a lease, or only a little in a short round."""

    broker_frozen_seconds: float = 15.0
    consumer_frozen_seconds: float = 13.0
    is_long: bool = True


class DistributedStriker:
    """Strikes processes, broker and database of a stack."""

    def __init__(
        self, stack: DistributedStack, random: Random, poison: Poison, journal: Journal, pace: Pace
    ) -> None:
        self._is_long, self._poison = pace.is_long, poison
        self.takeovers: dict[str, list[float]] = {}
        self.endings = Endings(stack.servers)
        # In the order in which they are mended: processes need the servers, and must be awake before they are started.
        # What is lost (keys, a database, room on the disk) goes first: nothing starts without it.
        self._families: Sequence[Family] = (
            Losses(DistributedGround(stack, self.endings), random, journal),
            ServerFaults(stack, random, broker_frozen_seconds=pace.broker_frozen_seconds),
            Zombies(stack, random, self.takeovers, self.endings, frozen_seconds=pace.consumer_frozen_seconds),
            ProcessFaults(stack, random, self.endings),
        )

    def faults(self) -> Sequence[Fault]:
        faults = [fault for family in self._families for fault in family.faults()]
        faults.append(Fault("poison on the topics", 4, self._throw_poison))
        return [fault for fault in faults if self._is_long or not fault.is_long]

    async def mend(self) -> None:
        for family in self._families:
            await family.mend()

    async def _throw_poison(self) -> bool:
        try:
            return await self._poison.throw()
        except BusUnavailable:
            return False
