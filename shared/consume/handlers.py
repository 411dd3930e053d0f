"""The table of the handlers of a consumer, by event type."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.context import Context
from shared.db import Tx
from shared.events.base import Event

BATCH_MAX = 500
"""The largest number of records in one batch, and so in one transaction."""

Lock = Callable[[Tx, Context[Any], Sequence[Event]], Awaitable[None]]
"""A function that takes every lock that a whole batch needs, once and in the lock order, before its first wave."""
Handle = Callable[[Tx, Context[Any], Sequence[Any]], Awaitable[None]]
"""A function that applies one wave: events of one type, in order within each key."""

HandleParked = Callable[[Tx, Context[Any], str], Awaitable[None]]
"""A function that applies one parked fact, given as its JSON document."""


async def _lock_nothing(_tx: Tx, _context: Context, _events: Sequence[Event]) -> None:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Handlers:
    """One consumer of a service: its name on the bus and in the database, and its table."""

    consumer: str
    table: Mapping[type[Event], Sequence[Handle]]
    """The handlers of each event type, in the order in which they run."""
    lock: Lock = _lock_nothing
    parked: Mapping[str, HandleParked] = field(default_factory=dict)
    """The functions that apply a dead parked fact that is no event when an operator retries it, by its type name."""
    inbox: bool = True
    """Whether the inbox recognises repeated events by their ids; False if every effect is recomputed from facts."""
    batch_max: int = BATCH_MAX

    async def apply(self, tx: Tx, context: Context, events: Sequence[Event]) -> None:
        """Apply one wave: events of one type."""
        for handle in self.table[type(events[0])]:
            await handle(tx, context, events)

    @property
    def topics(self) -> tuple[str, ...]:
        """Return the topics that carry the events of the table, sorted."""
        return tuple(sorted({event.topic.name for event in self.table}))
