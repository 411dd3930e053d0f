"""The table of contents of a service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Column, MetaData, Table

from shared import api_keys
from shared.approvals import Approvable
from shared.approvals import storage as approval_storage
from shared.approvals import tables as approval_tables
from shared.approvals.deciding import expire_approvals, prune_approvals
from shared.audit import tables as audit_tables
from shared.consume import tables as consume_tables
from shared.consume.handlers import BATCH_MAX, Handle, Handlers
from shared.context import Context
from shared.db import Read, Tx, blocks, kernel_metadata
from shared.events import published_by
from shared.events.base import Event, IdentityEvent
from shared.events.profile import ACCESS, ApiKeyChanged
from shared.jobs import tables as job_tables
from shared.jobs.kinds import JobKind
from shared.metrics import Measure, Sample
from shared.outbox import tables as outbox_tables
from shared.outbox.jobs import Job, paged
from shared.service.capability import Capability, CustomerOf, FindExternal, FindOwner, Resource
from shared.settings import ServiceSettings
from shared.verify import kernel_rules
from shared.verify import tables as verify_tables
from shared.verify.event_rules import EventRule
from shared.verify.invariants import Drift, Invariants, combine

# These imports make the kernel's metadata complete in every module that describes a service.
KERNEL_TABLES = (
    api_keys.api_key,
    audit_tables.audit,
    consume_tables.set_aside,
    job_tables.job,
    outbox_tables.outbox,
    verify_tables.verify_pass,
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Service:
    """The table of contents of a service. It shows the reader the capabilities and their place in the code."""

    title: str
    description: str
    settings: ServiceSettings
    capabilities: Sequence[Capability]
    """The capabilities in the order of their dependence, the lowest first. The locks of a batch are taken in this order, and
    the handlers of one event run in this order."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The sentence about the operations with each tag, for readers of the OpenAPI document."""
    migrations: Path
    """The folder of the service's migrations."""
    inbox: bool = True
    """Whether the inbox recognises repeated events by their ids; False if every effect is recomputed from facts."""
    batch_max: int = BATCH_MAX
    """The largest number of records in one batch of its consumer."""

    @property
    def name(self) -> str:
        """Return the service's name, which its folder and its events also have."""
        return self.settings.service

    @property
    def words(self) -> Path:
        """Return the folder with the service's own sentences."""
        return self.migrations.parents[1] / "words"

    @property
    def publishes(self) -> Sequence[type[Event]]:
        """Return the events of the topics that this service produces."""
        return published_by(self.name)

    @property
    def topics_published(self) -> Sequence[str]:
        """Return the topics that this service produces."""
        return sorted({event.topic.name for event in self.publishes})

    @property
    def topics_consumed(self) -> Sequence[str]:
        """Return the topics whose events this service applies."""
        return sorted({topic for handlers in self.handlers for topic in handlers.topics})

    @cached_property
    def versions(self) -> Sequence[Column[int]]:
        """Return the versions that readers of this service's events compare."""
        return [column for capability in self.capabilities for column in capability.versions]

    @cached_property
    def id_blocks(self) -> Sequence[Table[Any]]:
        """Return the tables from which the service draws the ids of its rows."""
        return [table for metadata in self.metadata for table in blocks.declared_in(metadata)]

    @cached_property
    def routers(self) -> Sequence[Resource]:
        """Return the operations of all capabilities."""
        return [router for capability in self.capabilities for router in capability.routers]

    @cached_property
    def find_external(self) -> FindExternal | None:
        """Return the function that finds customers by the merchant's own ids, or None if the service has none."""
        functions = [capability.find_external for capability in self.capabilities if capability.find_external]
        assert len(functions) <= 1, "one capability of a service knows external ids"
        return functions[0] if functions else None

    @cached_property
    def customer_of(self) -> CustomerOf | None:
        """Return the function that returns the owner of an identity, or None if the service knows no owners."""
        functions = [capability.customer_of for capability in self.capabilities if capability.customer_of]
        assert len(functions) <= 1, "one capability of a service knows owners"
        return functions[0] if functions else None

    @cached_property
    def find_owners(self) -> Mapping[str, FindOwner]:
        """Return the functions that find the customers of things, by the parameters of paths that name such things."""
        owners = {
            name: find for capability in self.capabilities for name, find in capability.find_owners.items()
        }
        return owners | ({"approval_id": approval_storage.customer_of} if self.approvables else {})

    @cached_property
    def jobs(self) -> Sequence[Job]:
        """Return the jobs of all capabilities, and those that end and delete proposals, if there can be some."""
        jobs = [job for capability in self.capabilities for job in capability.jobs]
        return [*jobs, *(_APPROVAL_JOBS if self.approvables else [])]

    @cached_property
    def approvables(self) -> Mapping[str, Approvable]:
        """Return the operations for which a second person can be needed, by their ids."""
        return {
            approvable.operation: approvable
            for capability in self.capabilities
            for approvable in capability.approvables
        }

    @cached_property
    def job_kinds(self) -> Sequence[JobKind]:
        """Return the kinds of long work of all capabilities."""
        return [kind for capability in self.capabilities for kind in capability.job_kinds]

    @cached_property
    def metadata(self) -> Sequence[MetaData]:
        """Return the metadata of the kernel's tables and of the tables of all capabilities."""
        owned = [metadata for capability in self.capabilities for metadata in capability.tables]
        approvals = [approval_tables.approvals_metadata] if self.approvables else []
        return list(dict.fromkeys([kernel_metadata, *approvals, *owned]))

    @cached_property
    def handlers(self) -> Sequence[Handlers]:
        """Return the service's one consumer, with the handlers of all capabilities and of the copy of the API keys."""
        table: dict[type[Event], list[Handle]] = {}
        for capability in self.capabilities:
            for event, handle in capability.handlers.items():
                table.setdefault(event, []).append(handle)
        if self.name in ACCESS.consumers:
            table[ApiKeyChanged] = [api_keys.api_keys_changed]
        parked = {
            name: handle for capability in self.capabilities for name, handle in capability.parked.items()
        }
        return (Handlers(self.name, table, self._lock, parked, self.inbox, self.batch_max),)

    @cached_property
    def measures(self) -> Sequence[Measure]:
        """Return the measures of all capabilities."""
        return [measure for capability in self.capabilities for measure in capability.measures]

    @cached_property
    def invariants(self) -> Invariants:
        """Return the invariants of all capabilities."""
        return combine([capability.invariants for capability in self.capabilities])

    @cached_property
    def event_rules(self) -> Sequence[EventRule]:
        """Return the rules about rows and events of all capabilities, and those of API keys if the service knows them."""
        knows_keys = self.name in (ACCESS.producer, *ACCESS.consumers)
        return [*self.invariants.event_rules, *(kernel_rules.API_KEYS if knows_keys else ())]

    async def gauges(self, read: Read) -> Sequence[Sample]:
        """Return the samples of all capabilities."""
        gauges = [capability.gauges for capability in self.capabilities if capability.gauges is not None]
        return [sample for gauge in gauges for sample in await gauge(read)]

    async def verify(self, read: Read) -> Sequence[Drift]:
        """Recompute the stored rows from the facts, and return every difference."""
        assert self.invariants.verify is not None, "combined invariants can be verified"
        return await self.invariants.verify(read)

    async def _lock(self, tx: Tx, context: Context, events: Sequence[Event]) -> None:
        """Take the locks of a batch, capability after capability. Facts about no identity are the kernel's, and need none."""
        events = [event for event in events if isinstance(event, IdentityEvent)]
        for capability in self.capabilities:
            if capability.lock is not None:
                await capability.lock(tx, context, events)


_APPROVAL_JOBS = (
    paged("expire_approvals", expire_approvals, every_seconds=60),
    paged("prune_approvals", prune_approvals, every_seconds=3_600),
)
