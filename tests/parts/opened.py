"""One of the four services, or the till, with something in it: two customers, two partners, and things of one of each."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared import api_keys
from shared.api_keys import ApiKeyRecord
from shared.auth.api_key import digest, new_key
from shared.auth.principal import ROLES
from shared.bus import Bus, Record
from shared.clock import ManualClock
from shared.consume.apply import apply_batch
from shared.events.base import SHOP, Event
from shared.events.cloudevents import encode
from shared.http.openapi import operations
from shared.http.routes import Route
from shared.ids import new_event_id, new_id
from shared.jobs.working import work_on_all
from shared.run import serving
from shared.service import Runtime, Service
from tests.parts import databases, facts, services, tokens
from tests.parts.databases import Kind
from tests.parts.services import TEST_PARTITION, Running
from tests.parts.till import SALE, open_till
from tests.parts.tokens import Subject

SERVICES = ("profile", "loyalty", "feedback", "scoring")
PROPOSER = {
    "loyalty": tokens.operator("manager", name="li.mei"),
    "feedback": tokens.operator("agent", name="li.mei"),
}
ADMIN, AGENT = tokens.operator("admin"), tokens.operator("agent")
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DRAFT = "draft_1"
"""The name of a draft of a rulebook. It has the form of an id, so that the audit trail shows it among the ids."""
BOUGHT_MINOR = 1_000_000
START_SECONDS_MAX = 60.0


class Opened(Running[Any]):
    """A running service with a little in it."""

    raises = False

    def __init__(self, service: Service, runtime: Runtime[Any], clock: ManualClock) -> None:
        super().__init__(service, runtime, clock)
        self.owner, self.other = "", ""
        """The customer that everything belongs to, and another customer."""
        self.of_owner: dict[str, str] = {}
        """Ids of the owner's things, by the name of the path parameter that takes them."""
        self.of_partner: dict[str, str] = {}
        """Ids of the things that the partner `mart` brought."""

    @property
    def routes(self) -> list[Route]:
        """Every operation."""
        return operations(self.app.routes)

    def with_every_scope(self, partner: str) -> Subject:
        """Return a partner with every scope that some operation asks a partner for."""
        scopes = {route.operation.allow.partner_scope for route in self.routes}
        return tokens.partner(partner, sorted(scope for scope in scopes if scope))

    @property
    def subjects(self) -> list[Subject]:
        """Operators of every role and of none, partners with every scope and with none of ours, both customers."""
        return [
            *(tokens.operator(role) for role in sorted(ROLES)),
            tokens.operator(name="nobody"),
            self.with_every_scope("mart"),
            tokens.partner("mart", ("something:else",)),
            tokens.customer(self.owner),
            tokens.customer(self.other),
        ]

    async def post(self, subject: Subject, path: str, body: Any) -> dict[str, Any]:
        """Post with a new Idempotency-Key, and return the answer, which must be a 2xx."""
        async with self.client(subject) as client:
            answer = await client.post(path, json=body, headers=self.key())
        assert answer.is_success, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def send_file(self, subject: Subject) -> dict[str, Any]:
        """Send a file of one purchase to be imported, and return the job."""
        columns = "order_id,customer,purchased_at,currency,sku,quantity,amount_minor"
        content = f"{columns}\nfile-1,C-1,2026-03-10T09:30:00Z,CNY,TEA,1,500\n"
        async with self.client(subject) as client:
            answer = await client.post(
                "/v1/imports?source=file", content=content, headers={"Content-Type": "text/csv"}
            )
        assert answer.status_code == 202, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def work(self) -> None:
        """Do what the jobs of the service have to do."""
        kinds = {kind.operation: kind for kind in self.service.job_kinds}
        await work_on_all(self.runtime, kinds)

    async def propose(self) -> str:
        """Propose something about the owner as another operator than `ADMIN`, and return the approval's id."""
        body: dict[str, Any] = {"points": 100_001, "reason": "Ana called from 13800138000"}
        path = f"/v1/members/{self.owner}/adjustments"
        if self.service.name == "feedback":
            body |= {"kind": "points", "points": 10_000, "propose": True}
            path = f"/v1/complaints/{self.of_owner['complaint_id']}/remedies"
        document = await self.post(PROPOSER[self.service.name], path, body)
        return str(document["id"])

    async def tell(self, *events: Event) -> None:
        """Deliver facts to every consumer of the service that handles them."""
        for handlers in self.service.handlers:
            wanted = [event for event in events if type(event) in handlers.table]
            await self.throw([encode(event, new_event_id(), "/test") for event in wanted])

    async def throw(self, records: Sequence[tuple[Sequence[tuple[str, bytes]], bytes]]) -> None:
        """Deliver headers and values as records, whatever is in them."""
        for handlers in self.service.handlers:
            batch = [
                Record(TEST_PARTITION.topic, 0, next(self._offsets), None, tuple(headers), value, 0)
                for headers, value in records
            ]
            if batch and handlers.table:
                await apply_batch(self.database, handlers, self.runtime.context, TEST_PARTITION, batch)


@asynccontextmanager
async def opened(
    name: str, folder: Path, kind: Kind = "sqlite", *, bus: Bus | None = None
) -> AsyncIterator[Opened]:
    """A service on an empty database and a bus of its own unless one is given, with something in it."""
    if name == "till":
        async with open_till(folder, kind) as till:
            house = Opened(till.service, till.runtime, till.clock)
            await _fill_till(house)
            await _give_key(house)
            yield house
        return
    async with services.running(Opened, name, kind, folder, now=NOW, bus=bus) as house:
        await FILL[name](house)
        await _give_key(house)
        await _set_something_aside(house)
        yield house


@contextmanager
def served(name: str, folder: Path, kind: Kind = "sqlite") -> Iterator[tuple[Opened, str]]:
    """Run the same behind a real HTTP server in a thread of its own; yield it and its address."""
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


FRIEND = "cus_01k2m9d6v4e8r7a1b2c3d4e5f6"
"""A member to whom the example of a transfer gives points."""


def facts_of(customer_id: str, order_id: str | None = None, issuer: str = SHOP) -> list[Event]:
    """Return the registration and a purchase of a customer that an issuer brought."""
    line = facts.line("tea", 10, BOUGHT_MINOR)
    return [
        facts.registered(customer_id, NOW, issuer=issuer),
        facts.purchase(customer_id, NOW, [line], order_id=order_id, issuer=issuer),
    ]


async def _fill_till(house: Opened) -> None:
    house.of_owner["customer_id"] = "cus_a"
    sale = await house.post(ADMIN, "/v1/customers/cus_a/sales", SALE)
    house.of_owner["sale_id"] = sale["id"]


async def _fill_profile(house: Opened) -> None:
    for subject, ids in (
        (AGENT, house.of_owner),
        (house.with_every_scope("mart"), house.of_partner),
    ):
        customer = {name: NAMES[name] for name in ("external_id", "phone", "email")}
        bought = await house.post(subject, "/v1/purchases", purchase(NAMES["order_id"], customer=customer))
        back = {
            "source": "web", "return_id": NAMES["return_id"], "order_id": NAMES["order_id"],
            "returned_at": "2026-03-10T10:00:00Z", "lines": [{"line": 1, "quantity": 1}],
        }  # fmt: skip
        ids["job_id"] = (await house.send_file(subject))["id"]
        ids["return_id"] = (await house.post(subject, "/v1/returns", back))["id"]
        ids["customer_id"], ids["purchase_id"] = bought["customer_id"], bought["id"]
    other = await house.post(AGENT, "/v1/customers", {"external_id": "C-2"})
    await house.post(house.with_every_scope("bazaar"), "/v1/customers", {"external_id": "B-1"})
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
    await house.tell(*facts_of(house.owner, NAMES["order_id"]), *facts_of(house.other))


async def _fill_loyalty(house: Opened) -> None:
    await _let_members_give(house)
    await _fill_known(house)
    path = f"/v1/members/{house.owner}"
    given = await house.post(tokens.customer(house.owner), f"{path}/transfers", {"to": FRIEND, "points": 1})
    corrected = await house.post(ADMIN, f"{path}/adjustments", {"points": 50, "reason": "Lost on the way."})
    spent = await house.post(ADMIN, f"{path}/redemptions", {"points": 10})
    export = await house.post(ADMIN, "/v1/exports", {})
    rules = {"rules": [{"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}]}
    ahead = {"in_force_from": (NOW + timedelta(days=90)).isoformat(), "document": rules}
    rulebook = await house.post(ADMIN, "/v1/rulebooks", ahead)
    async with house.client(ADMIN) as client:
        entries = (await client.get(f"{path}/ledger")).json()["items"]
        saved = await client.put(f"/v1/rulebook-drafts/{DRAFT}", json={"document": rules})
        assert saved.status_code == 200, saved.text
        promised = {"document": (await client.get("/v1/programme")).json()["document"]}
        saved = await client.put("/v1/programme/draft", json=promised)
    assert saved.status_code == 200, saved.text
    version = await house.post(ADMIN, "/v1/programme/versions", ahead | promised)
    house.of_owner |= {
        "adjustment_id": corrected["id"], "redemption_id": spent["id"], "transfer_id": given["id"], "job_id": export["id"],
        "rulebook_id": rulebook["id"], "name": DRAFT, "version_id": version["id"],
        "entry_id": next(entry["id"] for entry in entries if entry["kind"] == "purchase"),
    }  # fmt: skip
    await _spend_points(house)
    house.of_owner["approval_id"] = await house.propose()


async def _let_members_give(house: Opened) -> None:
    """Let the programme have transfers from its beginning, and register a friend of the owner."""
    async with house.client(ADMIN) as client:
        document = (await client.get("/v1/programme")).json()["document"]
    promised = {"in_force_from": None, "document": document | {"transfers": {}}}
    await house.post(ADMIN, "/v1/programme/versions", promised)
    await house.tell(facts.registered(FRIEND, NOW))


async def _spend_points(house: Opened) -> None:
    """Let the owner, and a customer whom the partner `mart` brought, have points held for a cart, claim a reward, and have an activity."""
    mug = {"name_en": "Mug", "name_zh": "茶杯", "item": {"kind": "gift"}, "price": {"points": 1}}
    welcome = {"name_en": "Welcome", "name_zh": "欢迎券", "kind": "unique", "promotions": ["welcome_10"]}
    async with house.client(ADMIN) as client:
        assert (await client.put("/v1/rewards/mug", json={"document": mug})).status_code == 200
        assert (await client.put("/v1/coupons/welcome", json={"document": welcome})).status_code == 200
        await house.post(ADMIN, "/v1/coupons/welcome/batches", {"size": 2})
        (batch,) = (await client.get("/v1/coupons/welcome/batches")).json()["items"]
    for ids in (house.of_owner, house.of_partner):
        ids |= {"coupon": "welcome", "batch_id": batch["id"]}
    brought = new_id("cus")
    await house.tell(*facts_of(brought, NAMES["order_id"], "partner:mart"))
    house.of_partner["customer_id"] = brought
    for subject, customer_id, ids in (
        (tokens.customer(house.owner), house.owner, house.of_owner),
        (house.with_every_scope("mart"), brought, house.of_partner),
    ):
        line = {"sku": "TEA", "quantity": 2, "amount_minor": 500}
        cart = {"customer_id": customer_id, "currency": "CNY", "lines": [line], "points": 5}
        ids["hold_id"] = (await house.post(subject, "/v1/holds", cart))["id"]
        claim = {"customer_id": customer_id, "reward": "mug"}
        ids["claim_id"] = (await house.post(subject, "/v1/reward-claims", claim))["id"]
        told = {"source": "app", "activity_id": "1", "customer_id": customer_id, "kind": "check_in"}
        teller = ADMIN if subject.kind == "customer" else subject
        activity = await house.post(teller, "/v1/activities", told | {"occurred_at": NOW.isoformat()})
        ids["activity_id"] = activity["id"]


async def _fill_feedback(house: Opened) -> None:
    await _fill_known(house)
    brought = new_id("cus")
    await house.tell(*facts_of(brought, NAMES["order_id"], "partner:mart"))
    for subject, customer_id, ids in (
        (tokens.customer(house.owner), house.owner, house.of_owner),
        (house.with_every_scope("mart"), brought, house.of_partner),
    ):
        complaint = {
            "customer": {"id": customer_id}, "channel": "web", "title": "It leaks", "body": "It drips.",
        }  # fmt: skip
        ids["customer_id"] = customer_id
        ids["complaint_id"] = (await house.post(subject, "/v1/complaints", complaint))["id"]
        path = f"/v1/complaints/{ids['complaint_id']}"
        said = {"kind": "agent", "body": "We are sorry.", "occurred_at": "2026-03-10T11:00:00Z"}
        ids["message_id"] = (await house.post(AGENT, f"{path}/messages", said))["id"]
        made_good = {"kind": "points", "points": 5, "reason": "It leaked."}
        ids["remedy_id"] = (await house.post(AGENT, f"{path}/remedies", made_good))["id"]
    house.of_owner["approval_id"] = await house.propose()


async def _fill_scoring(house: Opened) -> None:
    await _fill_known(house)
    fit = await house.post(ADMIN, "/v1/models/bg_nbd/fits", {"until": "2026-03-09"})
    house.of_owner |= {"fit_id": fit["id"], "job_id": fit["job_id"], "kind": "bg_nbd"}


async def _give_key(house: Opened) -> None:
    """Put an API key into the register, or into the service's copy of it."""
    record = ApiKeyRecord(
        id=new_id("key"),
        partner_id="kiosk",
        label="tills",
        key_hash=digest(new_key()),
        scopes=("customers:read",),
        created_at=NOW,
        expires_at=None,
        revoked_at=None,
        record_version=0,
    )
    async with house.database.begin() as tx:
        await api_keys.insert(tx, record)
    house.of_owner["api_key_id"] = record.id


async def _set_something_aside(house: Opened) -> None:
    if not any(handlers.table for handlers in house.service.handlers):
        return
    await house.throw([((("ce_specversion", b"1.0"),), b"{")])
    async with house.client(ADMIN) as client:
        (record,) = (await client.get("/v1/set-aside")).json()["items"]
    house.of_owner["set_aside_id"] = record["id"]


FILL = {
    "profile": _fill_profile,
    "loyalty": _fill_loyalty,
    "feedback": _fill_feedback,
    "scoring": _fill_scoring,
}
