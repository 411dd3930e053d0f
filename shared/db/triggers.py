"""Declare rules that the database itself enforces: append-only tables and frozen columns.

A rule is declared beside its table, so that `create_all` makes its triggers. The migration of the table makes them with
the same function, so that a migrated database has them too.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import DDL, Connection, Table, event

REFUSE_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def append_only(table: Table[Any]) -> None:
    """Refuse to change, delete or truncate rows of `table`."""
    _declare(table, *[append_only_ddl(table.name, dialect) for dialect in ("postgresql", "sqlite")])


def frozen_columns(
    table: Table[Any],
    columns: Sequence[str],
    *,
    once: Sequence[str] = (),
    together: Mapping[str, str] | None = None,
    kept_while: str | None = None,
) -> None:
    """Refuse to change these columns, and to delete rows of `table`. A column of `once` may be set while it is null. Of
    `together`, each column changes only with the other one that is named for it. With `kept_while`, a condition on the row `old`, other rows may be deleted.
    """
    _declare(
        table,
        *[
            frozen_columns_ddl(
                table.name, columns, dialect, once=once, together=together, kept_while=kept_while
            )
            for dialect in ("postgresql", "sqlite")
        ],
    )


def kept_for(table: Table[Any], days: int) -> None:
    """Refuse to change rows of `table`, and to delete those whose `at` is younger than `days` by the database's clock."""
    _declare(table, *[kept_for_ddl(table.name, days, dialect) for dialect in ("postgresql", "sqlite")])


def append_only_ddl(table: str, dialect: str) -> list[str]:
    """Return the statements of `append_only`."""
    return _refuse(
        table, "append_only", "this table is append-only", ("update", "delete"), dialect, truncate=True
    )


def kept_for_ddl(table: str, days: int, dialect: str) -> list[str]:
    """Return the statements of `kept_for`."""
    seconds = days * 86_400
    young = (
        f"old.at > now() - interval '{seconds} seconds'"
        if dialect == "postgresql"
        else f"old.at > (cast(strftime('%s', 'now') as integer) - {seconds}) * 1000000"
    )
    return [
        *_refuse(table, "frozen", "its rows are never changed", ("update",), dialect, truncate=True),
        *_refuse(table, "kept", f"its rows are kept for {days} days", ("delete",), dialect, when=young),
    ]


def frozen_columns_ddl(
    table: str,
    columns: Sequence[str],
    dialect: str,
    *,
    once: Sequence[str] = (),
    together: Mapping[str, str] | None = None,
    kept_while: str | None = None,
) -> list[str]:
    """Return the statements of `frozen_columns`."""
    differs = "is distinct from" if dialect == "postgresql" else "is not"
    changes = [f"old.{column} {differs} new.{column}" for column in columns]
    changes += [f"(old.{column} is not null and old.{column} {differs} new.{column})" for column in once]
    for column, partner in (together or {}).items():
        moved, kept = (f"old.{name} {differs} new.{name}" for name in (column, partner))
        changes.append(f"({moved} and not ({kept}))")
    changed = " or ".join(changes)
    return [
        *_refuse(table, "frozen", "its facts are frozen", ("update",), dialect, when=changed),
        *_refuse(table, "kept", "its rows are kept", ("delete",), dialect, when=kept_while, truncate=True),
    ]


@contextmanager
def unguarded(connection: Connection, table: str) -> Iterator[None]:
    """Let an upgrade change rows of `table` that its triggers keep as they are. The triggers are the same afterwards."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        return
    stored = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
    guards = connection.exec_driver_sql(stored, (table,)).all()
    for name, _ in guards:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    yield
    for _, sql in guards:
        connection.exec_driver_sql(sql)


def _refuse(
    table: str,
    rule: str,
    reason: str,
    verbs: Sequence[str],
    dialect: str,
    *,
    when: str | None = None,
    truncate: bool = False,
) -> list[str]:
    condition = f" when ({when})" if when else ""
    if dialect == "sqlite":
        return [
            f"create trigger {table}_{rule}_{verb} before {verb} on {table} for each row{condition} "
            f"begin select raise(abort, '{verb} of {table} is refused: {reason}'); end"
            for verb in verbs
        ]
    statements = [
        REFUSE_FUNCTION,
        *(
            f"create trigger {table}_{rule}_{verb} before {verb} on {table} for each row{condition} "
            f"execute function refuse_change('{reason}')"
            for verb in verbs
        ),
    ]
    if truncate:
        statements.append(
            f"create trigger {table}_{rule}_truncate before truncate on {table} "
            f"for each statement execute function refuse_change('{reason}')"
        )
    return statements


def _declare(table: Table[Any], postgresql: Sequence[str], sqlite: Sequence[str]) -> None:
    for dialect, statements in (("postgresql", postgresql), ("sqlite", sqlite)):
        for statement in statements:
            ddl = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", ddl.execute_if(dialect=dialect))
