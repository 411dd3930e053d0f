"""Access to a service's own database, the same on SQLite and on PostgreSQL: `Tx` changes it, `Read` reads it."""

from shared.db.access import Database, Read, Tx, WriteOutbox
from shared.db.opening import UnusableDatabase, kernel_metadata, open_database, place_of
from shared.db.records import columns_of, record_of
from shared.db.slots import Slot
from shared.db.sorting import Slice, Sorts, in_order
from shared.db.statements import any_named, any_named_rows, any_of, any_of_rows, rows_named, where_given

__all__ = [
    "Database",
    "Read",
    "Slice",
    "Slot",
    "Sorts",
    "Tx",
    "UnusableDatabase",
    "WriteOutbox",
    "any_named",
    "any_named_rows",
    "any_of",
    "any_of_rows",
    "columns_of",
    "in_order",
    "kernel_metadata",
    "open_database",
    "place_of",
    "record_of",
    "rows_named",
    "where_given",
]
