"""A service just large enough to try the HTTP edge on: a till that takes sales."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, ClassVar, Literal

import httpx2
from fastapi import Path as PathParameter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy import Column, Integer, MetaData, Named, Table, TypedColumns, func, select

from shared.clock import ManualClock
from shared.db import Database, Read, Tx, open_database, record_of
from shared.db.migrations import Migrations
from shared.db.types import BigInt, Id, Instant
from shared.errors import DomainError, Kind
from shared.http.auth import OPERATORS, allow
from shared.http.cursor import Cursors
from shared.http.dependencies import Caller, KeyHash, Reading, Running, Transaction
from shared.http.models import (
    LIMIT_DEFAULT,
    Cursor,
    DateIn,
    InstantIn,
    Limit,
    Page,
    Request,
    Response,
    Word,
    example,
)
from shared.http.routes import Router
from shared.ids import new_id
from shared.limits import BATCH_BODY_BYTES_MAX, INT64_MAX
from shared.metrics import Measure, Sample
from shared.service import Capability, Drift, Invariants, Service
from shared.settings import ServiceSettings
from tests.parts import databases, services, tokens
from tests.parts.tokens import Subject

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADMIN = tokens.operator("admin")
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


class DrawerColumns(TypedColumns):
    id: Named[str] = Column(Id, primary_key=True)
    float_minor: Named[int] = Column(BigInt, nullable=False)
    version: Named[int] = Column(Integer, nullable=False)


drawers = Table("drawers", metadata, DrawerColumns)


@record_of(drawers)
@dataclass(frozen=True, slots=True)
class DrawerRecord:
    """One drawer, and the change in it that its keepers agreed on."""

    id: str
    float_minor: int
    version: int


CustomerId = Annotated[str, PathParameter(max_length=64, examples=["cus_01k2m9d6v4e8r7a1b2c3d4e5f6"])]


class UnknownSale(DomainError):
    kind, code = Kind.NOT_FOUND, "unknown_sale"


Amount = Annotated[int, Field(ge=0, le=INT64_MAX)]


class TillClosed(DomainError):
    kind, code = Kind.CONFLICT, "till_closed"


class Line(Request):
    sku: Word
    quantity: Annotated[int, Field(ge=1, le=INT64_MAX)]
    amount_minor: Amount


class ByCash(Request):
    kind: Literal["cash"]
    given_minor: Amount


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
    rate="redemption",
    idempotency="required",
    errors=(UnknownSale, TillClosed),
    status_code=201,
    location="/v1/customers/{customer_id}/sales/{id}",
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
    body_bytes_max=BATCH_BODY_BYTES_MAX,
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
        tags={"sales": "Sales of the till."},
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


class Till(services.Running[Settings]):
    """A running till."""

    raises = False

    def client(self, subject: Subject | None = ADMIN) -> httpx2.AsyncClient:
        """Return a client with this subject's token; without a token for None."""
        return super().client(subject)

    async def count_sales(self) -> int:
        """Count the sales."""
        return await self.count(sales)


@asynccontextmanager
async def open_till(home: Path, kind: databases.Kind, **settings: Any) -> AsyncIterator[Till]:
    """Open a till on an empty database of this kind, with `settings` in place of its defaults."""
    clock = ManualClock(NOW)
    leased = databases.made(kind, "till", _fill, folder=home, service="till", clock=clock)
    async with leased as database, open_till_on(home, database, clock, **settings) as till:
        yield till


@asynccontextmanager
async def open_till_on(
    home: Path, database: Database, clock: ManualClock, **settings: Any
) -> AsyncIterator[Till]:
    """Open a till on a database that was prepared for it."""
    described = service(Settings(home=home, **settings), write_migrations(home / "migrations"))
    async with services.runtime_on(database, described, clock) as runtime:
        yield Till(described, runtime, clock)


async def _fill(url: str) -> None:
    database = open_database(url)
    await fill(database)
    await database.close()


async def fill(database: Database) -> None:
    """Make the tables of a till by its migrations."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        await prepare(database, service(Settings(home=home), write_migrations(home / "migrations")))


async def prepare(database: Database, described: Service) -> None:
    """Make the tables of this service."""
    await Migrations(described.migrations, described.metadata).upgrade(database)
    async with database.begin() as tx:
        await tx.run_sync(metadata.create_all)


def write_migrations(folder: Path) -> Path:
    """Write the migrations of a till into a folder, and return it."""
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
