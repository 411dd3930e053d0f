"""A kind of job that marks items, one row each, so that an item that is done twice is seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Named, Table, TypedColumns, func, select

from shared import jobs
from shared.auth.principal import Principal
from shared.catalogues import Sentence
from shared.clock import ManualClock
from shared.context import Context, Runtime
from shared.db import Database, Tx, kernel_metadata, record_of
from shared.db.types import BigInt, Id
from shared.jobs import Held, ItemError, JobKind, JobRecord, Step, storage
from shared.vault import Vault
from tests.shared.ledger import AT

metadata = MetaData()
CHUNK = 10
ANA = Principal("partner", "ana")


class MarkColumns(TypedColumns):
    """Items that a job has done."""

    job_id: Named[str] = Column(Id, primary_key=True)
    item: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)


marks = Table("mark", metadata, MarkColumns)


@record_of(marks)
@dataclass(frozen=True, slots=True)
class MarkRecord:
    """An item that a job has done."""

    job_id: str
    item: int


@dataclass
class Marking:
    """The kind of job, with what shall happen in the middle of its chunks."""

    clock: ManualClock
    runtime: Runtime[Any]
    middle: Callable[[int], Any] | None = None
    """Called with the first item of a chunk after the chunk has written. It may raise, or return an awaitable."""
    bad: frozenset[int] = frozenset()
    """Items that cannot be done."""
    kinds: dict[str, JobKind] = field(init=False)

    def __post_init__(self) -> None:
        self.kinds = {"mark_items": JobKind(operation="mark_items", step=self.step)}

    async def step(self, tx: Tx, _: Context[Any], held: Held) -> Step:
        count, first = int(held.parameters), int(held.cursor or 0) + 1
        items = range(first, min(first + CHUNK, count + 1))
        good = [item for item in items if item not in self.bad]
        await tx.insert_records(marks, [MarkRecord(held.id, item) for item in good])
        if self.middle is not None and (waiting := self.middle(first)) is not None:
            await waiting
        errors = [
            ItemError.of(item, "/item", Sentence("item_bad", f"Item {item} is bad.", f"{item} 不好。"))
            for item in items
            if item in self.bad
        ]
        return Step(
            cursor=str(items[-1]),
            finished=items[-1] == count,
            done=len(good),
            failed=len(errors),
            errors=errors,
            outcomes={"even": sum(1 for item in good if item % 2 == 0)},
            output="".join(f"{item}\n" for item in good),
        )

    async def begin(self, count: int, *, read: Sequence[str] | None = None, caller: Principal = ANA) -> str:
        async with self.runtime.database.begin() as tx:
            record = await jobs.begin(
                tx,
                self.runtime.vault,
                "mark_items",
                caller,
                parameters=str(count),
                asked={"count": count},
                total=count,
                read=read,
            )
        return record.id

    async def find(self, job_id: str) -> JobRecord:
        async with self.runtime.database.read() as read:
            record = await storage.find(read, job_id)
        assert record is not None
        return record

    async def cancel(self, job_id: str) -> None:
        async with self.runtime.database.begin() as tx:
            record = await storage.find(tx, job_id)
            assert record is not None
            await jobs.cancel(tx, self.runtime.context, record)

    async def marked(self, job_id: str) -> list[int]:
        async with self.runtime.database.read() as read:
            rows = await read.all(select(marks.c.item).where(marks.c.job_id == job_id).order_by(marks.c.item))
        return [item for (item,) in rows]

    async def result(self, job_id: str) -> str:
        record = await self.find(job_id)
        async with self.runtime.database.read() as read:
            keys = await self.runtime.vault.keys(read, [job_id])
            pieces = [
                await storage.piece_of(read, keys, job_id, job_id, "out", number)
                for number in range(1, record.pieces + 1)
            ]
        return "".join(piece or "" for piece in pieces)

    async def rows(self, table: Table[Any]) -> int:
        async with self.runtime.database.read() as read:
            return await read.scalar(select(func.count()).select_from(table)) or 0

    def wait(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))


@pytest.fixture
def tables() -> Sequence[MetaData]:
    """The kernel's tables and the marks."""
    return (kernel_metadata, metadata)


@pytest.fixture
def marking(database: Database, vault: Vault) -> Marking:
    """Jobs that mark items, on both databases."""
    clock = database.clock = ManualClock(AT)
    runtime: Runtime[Any] = Runtime(None, database, None, vault, None, clock)  # type: ignore[arg-type]
    return Marking(clock, runtime)
