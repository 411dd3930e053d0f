"""Look for damaged pages and indexes of a database: by SQLite's own check, and by PostgreSQL's extension amcheck."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Boolean, Select, Text, cast, func, literal_column, select, text
from sqlalchemy import column as named
from sqlalchemy import table as table_of
from sqlalchemy.dialects.postgresql import REGCLASS

from shared.db import Database, Read, failures
from shared.speech import Words, words
from shared.verify.invariants import Drift, Findings

BLOCKS = 8_192
"""The pages of a table that one statement looks at: 64 MB, so that it ends in time."""
NAMED_MAX = 20
"""The most indexes that a sentence names."""


class _Undone(Exception):
    """Ends a transaction that leaves nothing behind."""


async def look(service: str, database: Database) -> Findings:
    """Return the damaged pages and indexes of a service's database, and what could not be looked at."""
    async with database.read() as read:
        if database.dialect == "sqlite":
            lines = str(await read.scalar(_INTEGRITY_CHECK)).splitlines()
            return Findings([] if lines == ["ok"] else [_damage(service, lines[min(1, len(lines) - 1)])])
        tables = await read.all(_TABLES)
        indexes = await read.all(_INDEXES)
        amcheck = await _amcheck(read)
    look_at = _Look(database, amcheck)
    for table in tables:
        await look_at.table(table.oid, table.name, table.blocks)
    if amcheck is None:
        return Findings(look_at.drifts, [words(__name__, "note_no_amcheck")])
    for index in indexes:
        await look_at.index(index.oid, index.name)
    return Findings(look_at.drifts, _of_late(look_at.late))


def _of_late(indexes: list[str]) -> list[Words]:
    if not indexes:
        return []
    more = " …" if len(indexes) > NAMED_MAX else ""
    return [words(__name__, "note_amcheck_late", names=indexes[:NAMED_MAX], more=more)]


@dataclass(frozen=True, slots=True)
class _Amcheck:
    """The schema of the extension, and whether it has to be made for each check."""

    schema: str
    is_missing: bool = False

    def function(self, name: str, *arguments: Any) -> Any:
        return getattr(getattr(func, self.schema), name)(*arguments)


async def _amcheck(read: Read) -> _Amcheck | None:
    """Return the extension if this user may use it, or may make it."""
    schema = await read.scalar(_SCHEMA)
    if schema is not None:
        return _Amcheck(schema) if await read.scalar(_MAY_USE) else None
    return _Amcheck("public", is_missing=True) if await read.scalar(_MAY_MAKE) else None


class _Look:
    """The checks, each in a transaction of its own: one for all would hold its locks while a migration waits for them."""

    def __init__(self, database: Database, amcheck: _Amcheck | None) -> None:
        self._database, self._amcheck = database, amcheck
        self.drifts = list[Drift]()
        self.late = list[str]()
        """The indexes that are too large to be checked in time."""

    async def table(self, oid: str, name: str, blocks: int) -> None:
        """Look at all pages of a table, a part at a time, until damage is met."""
        for first in range(0, blocks, BLOCKS):
            end = min(first + BLOCKS, blocks)
            if not await self._is_whole(name, self._part_of_table(oid, name, first, end)):
                return

    def _part_of_table(self, oid: str, name: str, first: int, end: int) -> Select[Any]:
        """Return the check of some pages of a table. Without amcheck it reads their rows with all that they hold."""
        if self._amcheck is None:
            row = table_of(name).alias("a_row")
            size = func.octet_length(cast(literal_column("a_row"), Text))
            part = text(f"a_row.ctid >= '({first},0)' AND a_row.ctid < '({end},0)'")
            return select(func.max(size)).select_from(row).where(part)
        checked = self._amcheck.function(
            "verify_heapam", cast(oid, REGCLASS), False, True, "none", first, end - 1
        ).table_valued(named("blkno", BigInteger), named("msg", Text))
        return select(func.format("page %s: %s", checked.c.blkno, checked.c.msg, type_=Text)).limit(1)

    async def index(self, oid: str, name: str) -> None:
        """Compare an index with its table."""
        assert self._amcheck is not None, "without it no index is checked"
        try:
            await self._is_whole(
                name, select(self._amcheck.function("bt_index_check", cast(oid, REGCLASS), True))
            )
        except TimeoutError:
            self.late.append(name)

    async def _is_whole(self, name: str, check: Select[Any]) -> bool:
        """Run a check, which returns or raises what is damaged, and return whether nothing is."""
        try:
            message = await self._run(check)
        except Exception as error:
            if not failures.is_damaged(error):
                raise
            origin = str(getattr(error, "orig", error))
            message = origin.partition(">: ")[2] or origin
        if isinstance(message, str) and message:
            self.drifts.append(_damage(name, message))
            return False
        return True

    async def _run(self, check: Select[Any]) -> object:
        try:
            async with self._database.begin() as tx:
                if self._amcheck is not None and self._amcheck.is_missing:
                    await tx.run(text("CREATE EXTENSION amcheck WITH SCHEMA public"))
                found = await tx.scalar(check)
                raise _Undone
        except _Undone:
            return found


def _damage(where: str, what: str) -> Drift:
    return Drift(words(__name__, "pages_are_whole"), where, what)


_INTEGRITY_CHECK = select(literal_column("integrity_check", Text)).select_from(
    text("pragma_integrity_check(1)")
)
"""The check of the pages and of the indexes against their tables."""
_OID = literal_column("c.oid::text", Text).label("oid")
_NAME = literal_column("c.relname::text", Text).label("name")
_TABLES = select(
    _OID,
    _NAME,
    literal_column("pg_relation_size(c.oid) / current_setting('block_size')::int", BigInteger).label(
        "blocks"
    ),
).select_from(
    text("pg_class AS c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace ORDER BY 2")
)
_INDEXES = select(_OID, _NAME).select_from(
    text(
        "pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam"
        " WHERE a.amname = 'btree' AND i.indisvalid AND c.relnamespace = current_schema()::regnamespace ORDER BY 2"
    )
)
_SCHEMA = select(literal_column("extnamespace::regnamespace::text", Text)).select_from(
    text("pg_extension WHERE extname = 'amcheck'")
)
_MAY_USE = select(
    literal_column("coalesce(bool_and(has_function_privilege(p.oid, 'EXECUTE')), false)", Boolean)
).select_from(
    text(
        "pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.deptype = 'e'"
        " JOIN pg_extension AS e ON e.oid = d.refobjid WHERE e.extname = 'amcheck'"
        " AND p.proname IN ('bt_index_check', 'verify_heapam')"
    )
)
_MAY_MAKE = select(
    literal_column(
        "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
        " AND EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'amcheck')",
        Boolean,
    )
)
