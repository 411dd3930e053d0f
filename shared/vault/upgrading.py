"""Seal what older versions kept in plain text. Revisions call these functions while a database is upgraded."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import context, op

from shared.vault.vault import Keys, Vault

T = TypeVar("T")

ROWS_MAX = 500
_subject_key = sa.table(
    "subject_key",
    *(sa.column(name) for name in ("identity_id", "bucket", "master_key", "wrapped")),
)


def vault_of_upgrade() -> Vault:
    """Return the vault that this upgrade was given. Only a database with rows to seal needs one."""
    vault = context.config.attributes.get("vault")
    assert isinstance(vault, Vault), "rows are sealed with the keys of their service"
    return vault


def conceal(table: str, column: str, *, where: str = "1 = 1", kind: str = "") -> None:
    """Replace the names of operators in a column by their pseudonyms. `kind` stands before each name, as `operator:`."""
    connection = op.get_bind()
    names = connection.execute(
        sa.text(f"SELECT DISTINCT {column} FROM {table} WHERE {column} LIKE :kind AND ({where})"),  # noqa: S608 our own words
        {"kind": f"{kind}%"},
    )
    for (name,) in names.all():
        stored = kind + vault_of_upgrade().conceal(name.removeprefix(kind))
        connection.execute(
            sa.text(f"UPDATE {table} SET {column} = :stored WHERE {column} = :name AND ({where})"),  # noqa: S608
            {"stored": stored, "name": name},
        )


def subject_keys(identity_ids: Iterable[str], *, mint: bool) -> Keys:
    """Return the keys of these subjects. Missing ones are made if `mint` says so: none of the subjects is erased."""
    connection, vault, wanted = op.get_bind(), vault_of_upgrade(), sorted(set(identity_ids))
    keys = vault.keys_of(())
    for names in _batched(wanted):
        stored = connection.execute(
            sa.select(_subject_key.c.identity_id, _subject_key.c.master_key, _subject_key.c.wrapped).where(
                _subject_key.c.identity_id.in_(names)
            )
        )
        keys = keys | vault.keys_of((row.identity_id, row.master_key, bytes(row.wrapped)) for row in stored)
        missing = [name for name in names if name not in keys]
        if mint and missing:
            minted, records = vault.mint(missing)
            connection.execute(sa.insert(_subject_key), [asdict(record) for record in records])
            keys = keys | minted
    return keys


def pages(statement: sa.Select[*tuple[Any, ...]]) -> Iterator[Sequence[sa.Row[*tuple[Any, ...]]]]:
    """Yield the rows of a statement in pages, all read before the first is changed."""
    return _batched(op.get_bind().execute(statement).all())


def _batched(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + ROWS_MAX] for start in range(0, len(items), ROWS_MAX))
