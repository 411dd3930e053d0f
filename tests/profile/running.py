"""A running profile service for tests, and facts to report to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, text, update

from services.profile.people.domain.customers import NamedCustomer
from services.profile.people.domain.identifiers import GivenIdentifiers
from services.profile.people.storage.tables import customer_value, identifier, identity, source_record
from services.profile.purchases.domain.claims import Claim
from services.profile.purchases.domain.purchases import Line, Purchase
from services.profile.purchases.domain.returns import Return, ReturnedLine
from services.profile.purchases.storage import tables
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.purchases.usecases import record_purchases as intake
from services.profile.purchases.usecases import record_returns as returning
from services.profile.purchases.usecases.claim_purchase import claim_purchase
from services.profile.settings import Settings
from shared.auth.principal import Principal
from shared.clock import ManualClock
from shared.context import Context
from shared.db import Tx
from shared.db.postgres import CONNECTIONS_MAX
from shared.errors import DomainError
from shared.events.base import Event
from shared.service import Runtime, Service
from shared.vault import Vault
from tests.parts import databases, services
from tests.parts.services import Running
from tests.parts.waiting import until

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SCOPES = ("customers:read", "customers:write", "purchases:read", "purchases:write", "returns:write")


class Profile(Running[Settings]):
    """Profile on one database, its clock in the test's hand."""

    operator_role = "agent"
    partner_scopes = SCOPES

    def __init__(self, service: Service, runtime: Runtime[Settings], clock: ManualClock) -> None:
        super().__init__(service, runtime, clock)
        self.lanes = asyncio.Semaphore(CONNECTIONS_MAX - 3)
        """As many transactions at once as there are connections, some left for the test: the rest wait here, not for
        the pool, which gives up after some seconds."""

    @property
    def context(self) -> Context[Settings]:
        """The context of use cases."""
        return self.runtime.context

    async def buy(self, *purchases: Purchase, issuer: str = "shop") -> list[intake.Outcome]:
        """Record purchases in a transaction of their own."""
        async with self.lanes, self.database.begin() as tx:
            return await intake.record_purchases(tx, self.context, purchases, issuer=issuer)

    async def give_back(self, *returns: Return, issuer: str = "shop") -> list[returning.Outcome]:
        """Record returns in a transaction of their own."""
        async with self.lanes, self.database.begin() as tx:
            return await returning.record_returns(tx, self.context, returns, issuer=issuer)

    async def claim(self, order: str, caller: Principal, **named: str) -> PurchaseRecord | DomainError:
        """Claim a purchase of the web shop in a transaction of its own, with everything that the receipt of 10.00 tells."""
        customer = NamedCustomer(None, GivenIdentifiers(**named)) if named else None
        async with self.lanes, self.database.begin() as tx:
            try:
                async with tx.savepoint():
                    return await claim_purchase(
                        tx, self.context, Claim("web", order, customer, 1000, NOW), caller=caller
                    )
            except DomainError as refusal:
                return refusal

    async def blocked(self, task: asyncio.Task[Any]) -> bool:
        """Whether a task comes to wait for a lock of PostgreSQL (True) or to its end (False)."""
        waiting = text(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        )

        async def decided() -> bool:
            async with self.database.read() as read:
                return task.done() or (await read.run(waiting)).scalar() == 1

        await until(decided, what="the task waits for a lock, or is done")
        return not task.done()

    async def erase(self, identity_id: str) -> None:
        """Erase an identity in a transaction of its own."""
        async with self.database.begin() as tx:
            await erase(tx, self.vault, identity_id)

    async def published(self) -> list[Event]:
        """Everything in the outbox, in order."""
        return await self.events()


@asynccontextmanager
async def open_profile(kind: databases.Kind, folder: Path) -> AsyncIterator[Profile]:
    """Profile on an empty database of this kind."""
    async with services.running(Profile, "profile", kind, folder, now=NOW) as profile:
        yield profile


async def erase(tx: Tx, vault: Vault, identity_id: str) -> None:
    """Erase an identity by hand, as an erasure will."""
    await vault.destroy(tx, [identity_id])
    for table in (identifier, customer_value, source_record):
        await tx.execute(delete(table).where(table.c.identity_id == identity_id))
    await tx.execute(
        update(tables.purchase).where(tables.purchase.c.identity_id == identity_id).values(customer_hash=None)
    )
    await tx.execute(update(identity).where(identity.c.identity_id == identity_id).values(state="erased"))


def reported(
    order: str,
    *lines: Line,
    id: str | None = None,
    at: datetime = NOW,
    channel: str | None = None,
    **named: str,
) -> Purchase:
    """Report a purchase of the web shop, by default of three teas for 10.00; an anonymous one if nothing names its customer."""
    customer = NamedCustomer(id, GivenIdentifiers(**named)) if id or named else None
    return Purchase("web", order, at, "CNY", customer, lines or (Line("TEA", 3, 1000),), channel)


def back(name: str, order: str, *units: tuple[int, int], at: datetime = NOW) -> Return:
    """A return to the web shop of (line, quantity) pairs."""
    return Return(
        "web", name, order, at, tuple(ReturnedLine(line, quantity) for line, quantity in units or ((1, 1),))
    )


def purchase(order: str = "1001", **changes: Any) -> dict[str, Any]:
    """The JSON body of a purchase."""
    body: dict[str, Any] = {
        "source": "web",
        "order_id": order,
        "purchased_at": "2026-03-10T09:30:00Z",
        "customer": {"external_id": "C-1", "phone": "13800138001"},
        "currency": "CNY",
        "lines": [{"sku": "TEA", "quantity": 3, "amount_minor": 1000, "category": "tea", "name": "for Ana"}],
    }
    return body | changes


def returned(name: str = "R-1", order: str = "1001", **changes: Any) -> dict[str, Any]:
    """The JSON body of a return."""
    body: dict[str, Any] = {
        "source": "web",
        "return_id": name,
        "order_id": order,
        "returned_at": "2026-03-10T10:00:00Z",
        "lines": [{"line": 1, "quantity": 1}],
    }
    return body | changes
