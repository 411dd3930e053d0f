"""A bus whose log is another one from one moment to the next."""

from collections.abc import Sequence

from shared.bus import ConnectedAnew, Guard, Message, Producer, unguarded
from shared.bus.embedded import EmbeddedBus


class Replaceable:
    """A bus whose log is replaced under its producers, as that of a broker which comes back with an older copy."""

    def __init__(self, log: EmbeddedBus) -> None:
        self.log = log
        self.is_cut = False
        """Whether the producers that are open have lost their connections."""

    async def producer(self, guard: Guard = unguarded) -> Producer:
        self.is_cut = False
        return Connected(self, guard)

    def __getattr__(self, name: str) -> object:
        return getattr(self.log, name)


class Connected:
    def __init__(self, bus: Replaceable, guard: Guard) -> None:
        self.bus, self.guard = bus, guard

    async def send(self, topic: str, partition: int, messages: Sequence[Message]) -> int | None:
        if self.bus.is_cut:
            raise ConnectedAnew
        return await (await self.bus.log.producer(self.guard)).send(topic, partition, messages)

    async def close(self) -> None: ...

    async def abandon(self) -> None: ...
