"""Any of the four services with something in it: two customers, two partners, and what belongs to one of each."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI

from shared.auth.principal import ROLES, Role
from shared.bus import Bus, Record, TopicPartition
from shared.clock import ManualClock
from shared.consume.apply import apply_batch
from shared.events.base import Cause, Event
from shared.events.cloudevents import encode
from shared.events.profile import CustomerRegistered, PurchaseLine, PurchaseRecorded
from shared.http.app import build_app
from shared.http.openapi import operations
from shared.http.routes import Route
from shared.ids import new_event_id, new_id
from shared.run import serving
from shared.service import Runtime, Service
from tests.parts import databases, services, tokens
from tests.parts.databases import Kind
from tests.parts.tokens import Subject
from tests.shared.http.till import SALE, open_till

SERVICES = ("profile", "loyalty", "feedback", "scoring")
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
BOUGHT_MINOR = 1_000_000
START_SECONDS_MAX = 60.0


@dataclass
class Opened:
    """A running service with a little in it."""

    service: Service
    runtime: Runtime
    app: FastAPI
    clock: ManualClock
    owner: str = ""
    """The customer that everything in it belongs to."""
    other: str = ""
    """Another customer."""
    of_owner: dict[str, str] = field(default_factory=dict)
    """Ids of what is the owner's, by the name of the path parameter that takes them."""
    of_partner: dict[str, str] = field(default_factory=dict)
    """Ids of what the partner `mart` brought."""
    _offset: int = 0

    @property
    def routes(self) -> list[Route]:
        """Every operation."""
        return operations(self.app.routes)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every scope that some operation asks a partner for."""
        return tuple(
            sorted({r.operation.allow.partner_scope for r in self.routes if r.operation.allow.partner_scope})
        )

    def operator(self, *roles: Role) -> Subject:
        """An operator (default: admin)."""
        return Subject("operator", "ana", roles or ("admin",))

    def customer(self, customer_id: str) -> Subject:
        """A customer."""
        return Subject("customer", customer_id)

    def partner(self, name: str) -> Subject:
        """A partner with every scope there is."""
        return Subject("partner", name, (), self.scopes)

    @property
    def subjects(self) -> list[Subject]:
        """One of each sort: every role, nobody, partners with every and with no scope, both customers."""
        return [
            *(self.operator(role) for role in sorted(ROLES)),
            Subject("operator", "nobody"),
            self.partner("mart"),
            Subject("partner", "mart", (), ("something:else",)),
            self.customer(self.owner),
            self.customer(self.other),
        ]

    def token(self, subject: Subject) -> str:
        """A token of this subject."""
        return tokens.token(self.runtime.settings.home, self.clock, subject)

    def client(self, subject: Subject | None) -> httpx2.AsyncClient:
        """A client of the app, in process; None: without a token."""
        return tokens.client(self.app, self.token(subject) if subject else None, raises=False)

    async def post(self, subject: Subject, path: str, body: Any) -> dict[str, Any]:
        """Post, with a new Idempotency-Key; what was answered, which must be a 2xx."""
        async with self.client(subject) as client:
            answer = await client.post(path, json=body, headers={"Idempotency-Key": new_id("key")})
        assert answer.is_success, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def tell(self, *events: Event) -> None:
        """Deliver facts to every consumer of the service that handles them."""
        for handlers in self.service.handlers:
            wanted = [event for event in events if type(event) in handlers.table]
            await self.throw([encode(event, new_event_id(), "/test") for event in wanted])

    async def throw(self, records: Sequence[tuple[Sequence[tuple[str, bytes]], bytes]]) -> None:
        """Deliver records, whatever is in them."""
        for handlers in self.service.handlers:
            batch = []
            for headers, value in records:
                batch.append(Record("test", 0, self._offset, None, tuple(headers), value, 0))
                self._offset += 1
            if batch and handlers.table:
                await apply_batch(
                    self.runtime.database, handlers, self.runtime.context, TopicPartition("test", 0), batch
                )


@asynccontextmanager
async def opened(
    name: str, folder: Path, kind: Kind = "sqlite", *, bus: Bus | None = None
) -> AsyncIterator[Opened]:
    """A service on an empty database and a bus of its own unless one is given, with something in it."""
    if name == "till":
        async with open_till(folder, kind) as till:
            house = Opened(
                till.service, till.runtime, till.app, till.clock, of_owner={"customer_id": "cus_a"}
            )
            sale = await house.post(house.operator(), "/v1/customers/cus_a/sales", SALE)
            house.of_owner["sale_id"] = sale["id"]
            yield house
        return
    described = services.service_with(name, folder)
    async with services.runtime_of(described, kind, now=NOW, bus=bus) as (runtime, clock):
        house = Opened(described, runtime, build_app(described, runtime), clock)
        await FILL[name](house)
        await _set_something_aside(house)
        yield house


@contextmanager
def served(name: str, folder: Path, kind: Kind = "sqlite") -> Iterator[tuple[Opened, str]]:
    """The same behind a real HTTP server in a thread of its own, and its address."""
    if kind == "postgresql":
        databases.postgres()  # it lives as long as the thread that starts it
    listener = serving.listen("127.0.0.1", 0)
    started, houses, stop = threading.Event(), list[Opened](), list[Any]()

    async def run() -> None:
        stopping = asyncio.Event()
        stop.append((asyncio.get_running_loop(), stopping))
        async with opened(name, folder, kind) as house:
            houses.append(house)
            started.set()
            await serving.serve(house.app, listener, stopping)

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert started.wait(START_SECONDS_MAX), f"{name} did not start"
    try:
        yield houses[0], f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        loop, stopping = stop[0]
        loop.call_soon_threadsafe(stopping.set)
        thread.join(START_SECONDS_MAX)


NAMES = {
    "source": "web", "order_id": "order-1", "return_id": "return-1", "external_id": "C-1", "phone": "+8613800138001",
    "email": "ana@example.com",
}  # fmt: skip
"""Names that the shop and the partner `mart` both use, each for things of its own."""


def facts(customer_id: str, order_id: str | None = None, issuer: str = "shop") -> list[Event]:
    """A registration and a purchase."""
    purchase_id = new_id("pur")
    line = PurchaseLine(line=1, sku="tea", quantity=10, amount_minor=BOUGHT_MINOR)
    return [
        CustomerRegistered(
            identity_id=customer_id, customer_id=customer_id, occurred_at=NOW, origin="api", issuer=issuer,
            cause=Cause(kind="registration", id=customer_id),
        ),
        PurchaseRecorded(
            identity_id=customer_id, customer_id=customer_id, occurred_at=NOW, purchase_id=purchase_id,
            cause=Cause(kind="purchase", id=purchase_id), source="web", order_id=order_id or purchase_id, issuer=issuer, currency="CNY",
            amount_minor=BOUGHT_MINOR, lines=(line,),
        ),
    ]  # fmt: skip


async def _fill_profile(house: Opened) -> None:
    for subject, ids in (
        (house.operator("agent"), house.of_owner),
        (house.partner("mart"), house.of_partner),
    ):
        customer = {name: NAMES[name] for name in ("external_id", "phone", "email")}
        bought = await house.post(subject, "/v1/purchases", purchase(NAMES["order_id"], customer=customer))
        back = {
            "source": "web", "return_id": NAMES["return_id"], "order_id": NAMES["order_id"],
            "returned_at": "2026-03-10T10:00:00Z", "lines": [{"line": 1, "quantity": 1}],
        }  # fmt: skip
        await house.post(subject, "/v1/returns", back)
        ids["customer_id"], ids["purchase_id"] = bought["customer_id"], bought["id"]
    other = await house.post(house.operator("agent"), "/v1/customers", {"external_id": "C-2"})
    await house.post(house.partner("bazaar"), "/v1/customers", {"external_id": "B-1"})
    house.owner, house.other = house.of_owner["customer_id"], other["id"]


def purchase(order_id: str, **changes: Any) -> dict[str, Any]:
    """The JSON body of a purchase."""
    body: dict[str, Any] = {
        "source": "web", "order_id": order_id, "purchased_at": "2026-03-10T09:30:00Z",
        "customer": {"external_id": "C-1"}, "currency": "CNY",
        "lines": [{"sku": "TEA", "quantity": 3, "amount_minor": 1000}],
    }  # fmt: skip
    return body | changes


async def _fill_known(house: Opened) -> None:
    """Two customers who registered and bought."""
    house.owner, house.other = new_id("cus"), new_id("cus")
    house.of_owner["customer_id"] = house.owner
    await house.tell(*facts(house.owner, NAMES["order_id"]), *facts(house.other))


async def _fill_feedback(house: Opened) -> None:
    await _fill_known(house)
    brought = new_id("cus")
    await house.tell(*facts(brought, NAMES["order_id"], "partner:mart"))
    for subject, customer_id, ids in (
        (house.customer(house.owner), house.owner, house.of_owner),
        (house.partner("mart"), brought, house.of_partner),
    ):
        complaint = {
            "customer": {"id": customer_id}, "channel": "web", "title": "It leaks", "body": "It drips.",
        }  # fmt: skip
        ids["customer_id"] = customer_id
        ids["complaint_id"] = (await house.post(subject, "/v1/complaints", complaint))["id"]
        path = f"/v1/complaints/{ids['complaint_id']}"
        said = {"kind": "agent", "body": "We are sorry.", "occurred_at": "2026-03-10T11:00:00Z"}
        ids["message_id"] = (await house.post(house.operator("agent"), f"{path}/messages", said))["id"]
        made_good = {"kind": "points", "points": 5, "reason": "It leaked."}
        ids["remedy_id"] = (await house.post(house.operator("agent"), f"{path}/remedies", made_good))["id"]


async def _fill_scoring(house: Opened) -> None:
    await _fill_known(house)
    fit = await house.post(house.operator(), "/v1/models/bg_nbd/fits", {"until": "2026-03-09"})
    house.of_owner |= {"fit_id": fit["id"], "kind": "bg_nbd"}


async def _set_something_aside(house: Opened) -> None:
    if not any(handlers.table for handlers in house.service.handlers):
        return
    await house.throw([((("ce_specversion", b"1.0"),), b"{")])
    async with house.client(house.operator()) as client:
        (record,) = (await client.get("/v1/set-aside")).json()["items"]
    house.of_owner["set_aside_id"] = record["id"]


FILL = {
    "profile": _fill_profile,
    "loyalty": _fill_known,
    "feedback": _fill_feedback,
    "scoring": _fill_scoring,
}
