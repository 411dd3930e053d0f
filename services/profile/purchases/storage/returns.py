"""Returns and the units that they took."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from services.profile.purchases.domain.returns import Return, ReturnedLine, ReturnKey, ReturnSelection
from services.profile.purchases.storage.tables import (
    ReturnLineRecord,
    ReturnRecord,
    purchase,
    purchase_return,
    return_line,
)
from shared.auth.principal import SHOP
from shared.db import Read, Slice, Sorts, Tx, any_of, any_of_rows, columns_of, where_given
from shared.db.partial import equals_with_index

SORTS = Sorts(
    recorded_at=(purchase_return.c.booked_at, purchase_return.c.return_id),
    returned_at=(purchase_return.c.returned_at, purchase_return.c.return_id),
)


@dataclass(frozen=True, slots=True)
class RecordedReturn:
    """A return as recorded, with its lines."""

    record: ReturnRecord
    lines: tuple[ReturnLineRecord, ...]

    @property
    def issuer(self) -> str:
        """The issuer that reported it."""
        return self.record.issuer

    @property
    def reported(self) -> Return:
        """The return as it was reported."""
        record = self.record
        lines = tuple(ReturnedLine(line.line, line.quantity) for line in self.lines)
        return Return(record.source, record.source_return_id, record.order_id, record.returned_at, lines)


async def find(read: Read, keys: Iterable[ReturnKey]) -> dict[ReturnKey, RecordedReturn]:
    """Return those of these returns that are recorded."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    records = await read.read_records(
        ReturnRecord,
        select(*columns_of(purchase_return, ReturnRecord)).where(any_of_rows(_KEY, wanted)),
    )
    lines = await _lines_of(read, [record.return_id for record in records])
    return {record.key: RecordedReturn(record, tuple(lines[record.return_id])) for record in records}


async def find_by_id(read: Read, return_id: str) -> RecordedReturn | None:
    """Return a return with its lines; None if none is recorded under this id."""
    record = await read.read_record(
        ReturnRecord,
        select(*columns_of(purchase_return, ReturnRecord)).where(purchase_return.c.return_id == return_id),
    )
    if record is None:
        return None
    return RecordedReturn(record, tuple((await _lines_of(read, [return_id]))[return_id]))


async def of_purchase(read: Read, purchase_id: str) -> list[RecordedReturn]:
    """Return the returns of a purchase, in the order in which they were recorded."""
    records = await read.read_records(
        ReturnRecord,
        select(*columns_of(purchase_return, ReturnRecord))
        .where(purchase_return.c.purchase_id == purchase_id)
        .order_by(purchase_return.c.return_id),
    )
    lines = await _lines_of(read, [record.return_id for record in records])
    return [RecordedReturn(record, tuple(lines[record.return_id])) for record in records]


async def page(read: Read, selection: ReturnSelection, asked: Slice) -> list[RecordedReturn]:
    """Return a page of returns.

    Each has the identity that its purchase has now. The rows of an order and of a customer are found by way of its purchases.
    """
    statement = where_given(
        select(*_WITH_IDENTITY_NOW).join(purchase, purchase.c.purchase_id == purchase_return.c.purchase_id),
        (purchase_return.c.purchase_id, selection.purchase_id),
        (purchase.c.source, selection.source),
        (purchase.c.order_id, selection.order_id),
    )
    if selection.issuer is not None:
        issuer = equals_with_index(purchase_return.c.issuer, selection.issuer, common=SHOP)
        statement = statement.where(issuer)
    if selection.identity_ids is not None:
        statement = statement.where(any_of(purchase.c.identity_id, selection.identity_ids))
    if selection.recorded_since is not None:
        statement = statement.where(purchase_return.c.booked_at >= selection.recorded_since)
    records = await read.read_records(ReturnRecord, SORTS.page(statement, asked))
    lines = await _lines_of(read, [record.return_id for record in records])
    return [RecordedReturn(record, tuple(lines[record.return_id])) for record in records]


async def insert(tx: Tx, returns: Sequence[RecordedReturn]) -> bool:
    """Store returns with their lines, and return whether all were new.

    Another transaction has just recorded those that were not.
    """
    records = sorted((recorded.record for recorded in returns), key=lambda record: record.key)
    if len(await tx.insert_new_records(purchase_return, records)) != len(records):
        return False
    await tx.insert_records(return_line, [line for recorded in returns for line in recorded.lines])
    return True


async def _lines_of(read: Read, return_ids: Sequence[str]) -> dict[str, list[ReturnLineRecord]]:
    if not return_ids:
        return {}
    lines: dict[str, list[ReturnLineRecord]] = {return_id: [] for return_id in return_ids}
    for record in await read.read_records(
        ReturnLineRecord,
        select(*columns_of(return_line, ReturnLineRecord))
        .where(any_of(return_line.c.return_id, return_ids))
        .order_by(return_line.c.return_id, return_line.c.line),
    ):
        lines[record.return_id].append(record)
    return lines


_KEY = (purchase_return.c.issuer, purchase_return.c.source, purchase_return.c.source_return_id)
"""The natural key, in the order of `ReturnKey`."""
_WITH_IDENTITY_NOW = [
    purchase.c.identity_id if column is purchase_return.c.identity_id else column
    for column in columns_of(purchase_return, ReturnRecord)
]
