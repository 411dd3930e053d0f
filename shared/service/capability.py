"""A capability: one thing that a service can do, with all its parts."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Column, MetaData
from starlette.routing import BaseRoute

from shared.approvals import Approvable
from shared.consume.handlers import Handle, HandleParked, Lock
from shared.context import Context
from shared.db import Read
from shared.events.base import Event
from shared.jobs.kinds import JobKind
from shared.metrics import Measure, ReadSamples
from shared.outbox.jobs import Job
from shared.verify.invariants import Invariants

FindExternal = Callable[[Read, Context[Any], str, str], Awaitable[str | None]]
"""A function that returns the identity to which an external id leads within an issuer, or None. The id comes last, in its only
spelling."""

CustomerOf = Callable[[Read, str], Awaitable[str]]
"""A function that returns the customer that owns an identity now. An identity that is unknown is its own owner."""
FindOwner = Callable[[Read, str], Awaitable[str | None]]
"""A function that returns the customer that a thing is of today, or None if there is no thing with this id."""


class Resource(Protocol):
    """The operations of one resource: a `shared.http.routes.Router`."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """Return the operations."""
        ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Capability:
    """The declaration of one capability: its operations, handlers, jobs, tables, figures and invariants."""

    name: str
    routers: Sequence[Resource] = ()
    """The operations of the capability."""
    lock: Lock | None = None
    """The function that takes the locks that a batch of events needs in this capability, before the first wave."""
    handlers: Mapping[type[Event], Handle] = field(default_factory=dict)
    """The handler of each event type. If several capabilities handle one event, they run in the service's order."""
    parked: Mapping[str, HandleParked] = field(default_factory=dict)
    """The functions that apply a dead parked fact that is no event when an operator retries it, by its type name."""
    find_external: FindExternal | None = None
    """The function that finds customers by the merchant's own ids. At most one capability of a service has it."""
    customer_of: CustomerOf | None = None
    """The function that returns the owner of an identity. At most one capability of a service has it."""
    find_owners: Mapping[str, FindOwner] = field(default_factory=dict)
    """The functions that find the customers of things, by the parameters of paths that name such things. The audit trail of an act
    that was refused asks them."""
    jobs: Sequence[Job] = ()
    """The periodic jobs."""
    job_kinds: Sequence[JobKind] = ()
    """The kinds of long work that callers can ask for."""
    approvables: Sequence[Approvable] = ()
    """The operations for which a second person can be needed."""
    tables: Sequence[MetaData] = ()
    """The metadata of its tables."""
    versions: Sequence[Column[int]] = ()
    """The columns that only grow, are told in events, and are compared by their readers. After a loss they go on from a number
    that none has reached, so that no reader takes what is new for what it knows."""
    gauges: ReadSamples | None = None
    """The function that reads the samples of its figures from the database."""
    measures: Sequence[Measure] = ()
    """The measures of the samples that `gauges` reads, for the reference page."""
    invariants: Invariants = field(default_factory=Invariants)
    """The invariants of its rows."""
