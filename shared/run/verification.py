"""Verify a service: the pages of its database, and its rows by its invariants."""

from shared.context import Runtime
from shared.service.service import Service
from shared.verify import pages
from shared.verify.invariants import Findings


async def verify(service: Service, runtime: Runtime) -> Findings:
    """Return everything that is wrong with what a service stores. Behind damaged pages nothing else is looked at."""
    of_pages = await pages.look(service.name, runtime.database)
    if of_pages.drifts:
        return of_pages
    async with runtime.database.read() as read:
        return Findings(await service.verify(read), of_pages.notes)
