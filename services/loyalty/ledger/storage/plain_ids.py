"""The table of the numbers that were shown as they are, and the statement on it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Named, Table, TypedColumns, select

from services.loyalty.ledger.storage.tables import metadata
from shared.db import Read, columns_of, record_of
from shared.db.types import BigInt


class PlainIdColumns(TypedColumns):
    """The table of one row: which numbers of rows were shown as they are, before they had names."""

    end_number: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    """The first number that was never shown."""


plain_id = Table("plain_id", metadata, PlainIdColumns)


@record_of(plain_id)
@dataclass(frozen=True, slots=True)
class PlainIdRecord:
    """The end of the numbers of rows that were shown as they are, before they had names."""

    end_number: int


async def end(read: Read) -> int:
    """Return the first number that was never shown; 0 in a database that has always shown names."""
    record = await read.read_record(PlainIdRecord, select(*columns_of(plain_id, PlainIdRecord)))
    return 0 if record is None else record.end_number
