"""A service just large enough to try the HTTP edge on: a till that takes sales."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, ClassVar, Literal

import httpx2
from fastapi import FastAPI
from fastapi import Path as PathParameter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy import Column, MetaData, Named, Table, TypedColumns, func, select

from shared.auth.principal import Role, SubjectKind
from shared.auth.verifying import open_verifier
from shared.bus import open_bus
from shared.clock import ManualClock
from shared.db import Database, Read, Tx, open_database, record_of
from shared.db.migrations import Migrations
from shared.db.types import BigInt, Id, Instant
from shared.errors import DomainError, Kind
from shared.http.app import build_app
from shared.http.auth import OPERATORS, allow
from shared.http.cursor import Cursors
from shared.http.dependencies import Caller, KeyHash, Reading, Running, Transaction
from shared.http.models import (
    LIMIT_DEFAULT,
    Cursor,
    DateIn,
    InstantIn,
    Limit,
    Natural,
    Page,
    Positive,
    Request,
    Response,
    Word,
    example,
)
from shared.http.routes import Router
from shared.ids import new_id
from shared.metrics import Measure, Sample
from shared.service import Capability, Drift, Invariants, Runtime, Service
from shared.settings import ServiceSettings
from shared.vault import open_vault
from tests.parts import databases, tokens
from tests.parts.tokens import Subject

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADMIN: tuple[SubjectKind, str, tuple[Role, ...], tuple[str, ...]] = ("operator", "ana", ("admin",), ())
metadata = MetaData()


class SaleColumns(TypedColumns):
    id: Named[str] = Column(Id, primary_key=True)
    customer_id: Named[str] = Column(Id, nullable=False)
    amount_minor: Named[int] = Column(BigInt, nullable=False)
    at: Named[datetime] = Column(Instant, nullable=False)


sales = Table("sales", metadata, SaleColumns)


@record_of(sales)
@dataclass(frozen=True, slots=True)
class SaleRecord:
    """One sale."""

    id: str
    customer_id: str
    amount_minor: int
    at: datetime


CustomerId = Annotated[str, PathParameter(max_length=64, examples=["cus_01k2m9d6v4e8r7a1b2c3d4e5f6"])]


class UnknownSale(DomainError):
    kind, code = Kind.NOT_FOUND, "unknown_sale"


class TillClosed(DomainError):
    kind, code = Kind.CONFLICT, "till_closed"


class Line(Request):
    sku: Word
    quantity: Positive
    amount_minor: Natural


class ByCash(Request):
    kind: Literal["cash"]
    given_minor: Natural


class ByCard(Request):
    kind: Literal["card"]
    terminal: Word


class NewSale(Request):
    model_config = example(
        sold_at="2026-03-01T09:30:00Z",
        lines=[{"sku": "tea", "quantity": 2, "amount_minor": 900}],
        paid={"kind": "cash", "given_minor": 1000},
    )

    sold_at: InstantIn
    lines: Annotated[list[Line], Field(min_length=1, max_length=500)]
    paid: Annotated[ByCash | ByCard, Field(discriminator="kind")] | None = None
    on: DateIn | None = None
    phone: Word | None = None


class SaleOut(Response):
    model_config = example(id="sal_01k2m9d6v4e8r7a1b2c3d4e5f6", amount_minor=900)

    id: str
    amount_minor: int


router = Router(tags=["sales"])
SALES_MAX = 1_000_000


@router.post(
    "/v1/customers/{customer_id}/sales",
    operation_id="record_sale",
    summary="Record a sale",
    allow=allow({"agent", "admin"}, partner_scope="sales:write", customer="self"),
    idempotency="required",
    errors=(UnknownSale, TillClosed),
    status_code=201,
)
async def record_sale(tx: Transaction, customer_id: CustomerId, body: NewSale, _: KeyHash) -> SaleOut:
    """Keep a sale; a sale above the till's limit is refused."""
    amount = sum(line.amount_minor for line in body.lines)
    sale_id = new_id("sal")
    await tx.insert_records(sales, [SaleRecord(sale_id, customer_id, amount, tx.now)])
    if amount > SALES_MAX:
        raise TillClosed(limit=SALES_MAX)
    return SaleOut(id=sale_id, amount_minor=amount)


@router.post(
    "/v1/sales:batch",
    operation_id="record_sales",
    summary="Record many sales",
    allow=allow({"admin"}),
    idempotency="optional",
)
async def record_sales(tx: Transaction, body: list[Line]) -> SaleOut:
    """Keep many."""
    return SaleOut(id="sal_batch", amount_minor=len(body))


@router.get(
    "/v1/customers/{customer_id}/sales",
    operation_id="list_sales",
    summary="List sales",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownSale,),
)
async def list_sales(
    read: Reading,
    running: Running,
    customer_id: CustomerId,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
    amount_from: int = 0,
) -> Page[SaleOut]:
    """Newest last."""
    cursors = Cursors(running.vault, "list_sales", {"customer_id": customer_id, "amount_from": amount_from})
    query = select(sales.c.id, sales.c.amount_minor).where(
        sales.c.customer_id == customer_id, sales.c.amount_minor >= amount_from
    )
    if (after := cursors.read(cursor)) is not None:
        query = query.where(sales.c.id > str(after[0]))
    rows = await read.all(query.order_by(sales.c.id).limit(limit + 1))
    shown, next_cursor = cursors.page(rows, limit, lambda row: [row.id])
    return Page(
        items=[SaleOut(id=row.id, amount_minor=row.amount_minor) for row in shown], next_cursor=next_cursor
    )


@router.get(
    "/v1/customers/{customer_id}/sales/{sale_id}",
    operation_id="get_sale",
    summary="Read a sale",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownSale,),
)
async def get_sale(read: Reading, customer_id: CustomerId, sale_id: str) -> SaleOut:
    """One sale."""
    row = await read.first(
        select(sales.c.id, sales.c.amount_minor).where(
            sales.c.id == sale_id, sales.c.customer_id == customer_id
        )
    )
    if row is None:
        raise UnknownSale
    return SaleOut(id=row.id, amount_minor=row.amount_minor)


@router.delete(
    "/v1/customers/{customer_id}/sales/{sale_id}",
    operation_id="void_sale",
    summary="Void a sale",
    allow=allow({"admin"}),
)
async def void_sale(tx: Transaction, customer_id: str, sale_id: str) -> JSONResponse:
    """Writes, then returns a refusal instead of raising it: a bug that must not commit."""
    await _write(tx, sale_id)
    return JSONResponse({"oops": True}, 409)


@router.get("/v1/surprises", operation_id="get_surprise", summary="Be surprised", allow=allow({"admin"}))
async def get_surprise(read: Reading) -> SaleOut:
    """Refuses what it did not say it would."""
    raise TillClosed(limit=0)


@router.post("/v1/bugs", operation_id="meet_bug", summary="Meet a bug", allow=allow({"admin"}))
async def meet_bug(tx: Transaction, caller: Caller) -> SaleOut:
    """Writes, then breaks."""
    await _write(tx, new_id("sal"))
    raise RuntimeError("secret 13800138000")


async def _write(tx: Tx, sale_id: str) -> None:
    await tx.insert_records(sales, [SaleRecord(sale_id, "x", 1, tx.now)])


class Settings(ServiceSettings):
    service: ClassVar[str] = "till"
    port_offset: ClassVar[int] = 9


async def _verify(_: Read) -> Sequence[Drift]:
    return ()


SALES = Measure("sales", "Sales taken.")


async def _gauges(read: Read) -> Sequence[Sample]:
    return (SALES.of(await read.scalar(select(func.count()).select_from(sales)) or 0),)


def service(settings: Settings, migrations: Path) -> Service:
    return Service(
        title="Till",
        description="Takes sales.",
        settings=settings,
        capabilities=(
            Capability(
                name="sales",
                routers=(router,),
                tables=(metadata,),
                gauges=_gauges,
                measures=(SALES,),
                invariants=Invariants(verify=_verify),
            ),
        ),
        migrations=migrations,
    )


class Till:
    """A running till, and tokens for it."""

    def __init__(self, service: Service, app: FastAPI, runtime: Runtime, clock: ManualClock) -> None:
        self.service, self.app, self.runtime, self.clock = service, app, runtime, clock

    def token(
        self,
        kind: SubjectKind = "operator",
        subject: str = "ana",
        roles: Sequence[Role] = ("admin",),
        scopes: Sequence[str] = (),
    ) -> str:
        named = Subject(kind, subject, tuple(roles) if kind == "operator" else (), tuple(scopes))
        return tokens.token(self.runtime.settings.home, self.clock, named)

    def client(self, token: str | None = "", *, raises: bool = False) -> httpx2.AsyncClient:
        """A client with this token (default: an admin's; None: none)."""
        bearer = None if token is None else token or self.token()
        return tokens.client(self.app, bearer, name="till", raises=raises)

    async def count(self) -> int:
        async with self.runtime.database.read() as read:
            return await read.scalar(select(func.count()).select_from(sales)) or 0


@asynccontextmanager
async def open_till(home: Path, kind: databases.Kind) -> AsyncIterator[Till]:
    """Open a till on an empty database of this kind."""
    clock = ManualClock(NOW)
    leased = databases.made(kind, "till", _fill, folder=home, service="till", clock=clock)
    async with leased as database, open_till_on(home, database, clock) as till:
        yield till


@asynccontextmanager
async def open_till_on(home: Path, database: Database, clock: ManualClock) -> AsyncIterator[Till]:
    """Open a till on a database that was prepared for it."""
    settings = Settings(home=home)
    described = service(settings, write_migrations(home / "migrations"))
    runtime = Runtime(
        settings=settings,
        database=database,
        bus=open_bus("embedded://", home=home),
        vault=open_vault(home, "till"),
        tokens=open_verifier(home, clock),
        clock=clock,
    )
    try:
        yield Till(described, build_app(described, runtime), runtime, clock)
    finally:
        await runtime.bus.close()


async def _fill(url: str) -> None:
    database = open_database(url)
    await fill(database)
    await database.close()


async def fill(database: Database) -> None:
    """Make the tables of a till, and say that they were migrated."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        await prepare(database, service(Settings(home=home), write_migrations(home / "migrations")))


async def prepare(database: Database, table_of_contents: Service) -> None:
    await Migrations(table_of_contents.migrations, table_of_contents.metadata).upgrade(database)
    async with database.begin() as tx:
        await tx.run_sync(metadata.create_all)


def write_migrations(folder: Path) -> Path:
    (folder / "versions").mkdir(parents=True)
    (folder / "versions" / "0001_first.py").write_text(
        "revision = 'till0001'\ndown_revision = None\nbranch_labels = ('till',)\ndepends_on = ('kernel',)\n"
        "\n\ndef upgrade() -> None: ...\n"
    )
    return folder


async def gathered(count: int, request: httpx2.AsyncClient, **options: object) -> list[httpx2.Response]:
    """`count` identical requests at once."""
    return list(await asyncio.gather(*(request.request(**options) for _ in range(count))))  # type: ignore[arg-type]


SALE = {"sold_at": "2026-03-01T09:30:00Z", "lines": [{"sku": "tea", "quantity": 2, "amount_minor": 900}]}
