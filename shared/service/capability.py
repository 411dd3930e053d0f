"""A capability: one thing that a service can do, with everything that belongs to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import MetaData
from starlette.routing import BaseRoute

from shared.consume.handlers import Handle, HandleParked, Lock
from shared.events.base import Event
from shared.metrics import Measure, ReadSamples
from shared.outbox.jobs import Job
from shared.verify.invariants import Invariants


class Resource(Protocol):
    """The operations of one resource: a `shared.http.routes.Router`."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """Its operations."""
        ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Capability:
    """Everything that one capability serves, consumes, runs, stores and promises, declared once."""

    name: str
    routers: Sequence[Resource] = ()
    """The operations it serves."""
    lock: Lock | None = None
    """Takes the locks that a whole batch of events needs of this capability, before the batch's first wave."""
    handlers: Mapping[type[Event], Handle] = field(default_factory=dict)
    """What it does with which event. Several capabilities may handle one event: they run in the service's order."""
    parked: Mapping[str, HandleParked] = field(default_factory=dict)
    """What it does when an operator retries a dead parked fact that is no event, by its type name."""
    jobs: Sequence[Job] = ()
    """The work that time alone brings."""
    tables: Sequence[MetaData] = ()
    """The tables it owns."""
    gauges: ReadSamples | None = None
    """Reads the samples of its figures from the database."""
    measures: Sequence[Measure] = ()
    """The measures that `gauges` has samples of, for the reference page."""
    invariants: Invariants = field(default_factory=Invariants)
    """What always holds of its rows."""
