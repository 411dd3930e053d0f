"""The table of what a consumer does with which event."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.context import Context
from shared.db import Tx
from shared.events.base import Event

BATCH_MAX = 500
"""Most records of one batch, and of one transaction."""

Lock = Callable[[Tx, Context[Any], Sequence[Event]], Awaitable[None]]
"""Takes every lock that a whole batch needs, once and in the lock order, before its first wave."""
Handle = Callable[[Tx, Context[Any], Sequence[Any]], Awaitable[None]]
"""Applies one wave: events of one type, in order within each key."""

HandleParked = Callable[[Tx, Context[Any], str], Awaitable[None]]
"""Applies one parked fact, given as its JSON document."""


async def _lock_nothing(_tx: Tx, _context: Context, _events: Sequence[Event]) -> None:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Handlers:
    """One consumer of a service: its name on the bus and in the database, and its table."""

    consumer: str
    table: Mapping[type[Event], Sequence[Handle]]
    """What is done with which event, in order."""
    lock: Lock = _lock_nothing
    parked: Mapping[str, HandleParked] = field(default_factory=dict)
    """What is done when an operator retries a dead parked fact that is no event, by its type name."""
    inbox: bool = True
    """Whether repeats are absorbed by event id; False where every effect is recomputed from facts."""
    batch_max: int = BATCH_MAX

    async def apply(self, tx: Tx, context: Context, events: Sequence[Event]) -> None:
        """Apply one wave: events of one type."""
        for handle in self.table[type(events[0])]:
            await handle(tx, context, events)

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics its events are published on, sorted."""
        return tuple(sorted({event.topic.name for event in self.table}))
