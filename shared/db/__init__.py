"""Access to a service's own database, the same on SQLite and on PostgreSQL: `Tx` changes it, `Read` reads it."""

from shared.db.access import Database, Read, Tx, WriteOutbox
from shared.db.opening import UnusableDatabase, kernel_metadata, open_database, place_of
from shared.db.records import columns_of, record_of
from shared.db.slots import Slot
from shared.db.statements import any_of, any_of_rows, newest, where_given

__all__ = [
    "Database",
    "Read",
    "Slot",
    "Tx",
    "UnusableDatabase",
    "WriteOutbox",
    "any_of",
    "any_of_rows",
    "columns_of",
    "kernel_metadata",
    "newest",
    "open_database",
    "place_of",
    "record_of",
    "where_given",
]
