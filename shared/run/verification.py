"""Verify a service: the pages of its database, its rows by its invariants, and both against the bus."""

from shared.context import Runtime
from shared.run import bus_verification
from shared.service.service import Service
from shared.verify import pages
from shared.verify.invariants import Findings


async def verify(service: Service, runtime: Runtime) -> Findings:
    """Return everything that is wrong with what a service stores. Behind damaged pages nothing else is looked at.

    Raises BusUnavailable, RecordRefused.
    """
    of_pages = await pages.look(service.name, runtime.database)
    if of_pages.drifts:
        return of_pages
    async with runtime.database.read() as read:
        of_rows = await service.verify(read)
    on_bus = await bus_verification.verify(service, runtime)
    return Findings([*of_rows, *on_bus.drifts], [*of_pages.notes, *on_bus.notes])
