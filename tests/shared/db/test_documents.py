"""JSON columns that hold objects with names."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Named, Table, Text, TypedColumns, cast, select

from shared.db import Database, record_of
from shared.db.types import Document
from tests.parts import databases

metadata = MetaData()


@dataclass(frozen=True, slots=True)
class Line:
    quantity: int
    sku: str | None = None


class OrderColumns(TypedColumns):
    """An order with its lines."""

    id: Named[int] = Column(Integer, primary_key=True)
    lines: Named[tuple[Line, ...]] = Column(Document(tuple[Line, ...]))
    note: Named[Line | None] = Column(Document(Line), nullable=True)


order = Table("shop_order", metadata, OrderColumns)


@record_of(order)
@dataclass(frozen=True, slots=True)
class Order:
    id: int
    lines: tuple[Line, ...]
    note: Line | None


@pytest.fixture(params=databases.KINDS)
async def orders(request: Any, tmp_path: Path) -> AsyncIterator[Database]:
    async with databases.declared(request.param, [metadata], folder=tmp_path) as database:
        yield database


WRITTEN = [Order(1, (Line(2, "茶"), Line(1)), Line(3)), Order(2, (), None)]


async def test_documents_come_back_as_they_were_written(orders: Database) -> None:
    async with orders.begin() as tx:
        await tx.insert_records(order, WRITTEN[:1])
        await tx.insert_new_records(order, WRITTEN[1:])

    async with orders.read() as read:
        assert await read.read_records(Order, select(order).order_by(order.c.id)) == WRITTEN


async def test_a_document_is_stored_as_objects_with_names(orders: Database) -> None:
    async with orders.begin() as tx:
        await tx.insert_records(order, WRITTEN[:1])

    async with orders.read() as read:
        text = await read.scalar(select(cast(order.c.lines, Text)))
    assert text is not None
    assert '"quantity"' in str(text)


async def test_a_document_is_updated_with_its_row(orders: Database) -> None:
    async with orders.begin() as tx:
        await tx.insert_records(order, WRITTEN[:1])
        await tx.update_records(order, [Order(1, (Line(9),), None)])

    async with orders.read() as read:
        assert await read.read_records(Order, select(order)) == [Order(1, (Line(9),), None)]
