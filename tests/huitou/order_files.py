"""Files of purchases for the tests of the import."""

from pathlib import Path

from huitou.imports import importing
from huitou.imports.content import opened
from huitou.imports.header import columns_of
from huitou.imports.purchases import PURCHASES
from huitou.imports.report import Report
from shared.files.entries import Entry, Kind, entry_of
from shared.files.rows import read_rows
from shared.files.staging import staged
from shared.limits import LINES_MAX

HEADER = "order_id,customer,purchased_at,currency,sku,category,quantity,amount_minor"
GOOD = "{order},ann,2026-01-01T12:00:00Z,USD,cd,music,1,{amount}"


def orders(path: Path, text: str | bytes) -> list[Entry]:
    """Write a file, and return its purchases as the import reads them."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with opened(str(path), PURCHASES.columns) as content:
        rows = read_rows(content)
        columns = columns_of(next(rows).cells, PURCHASES)
        spelled = PURCHASES.spelling()

        def key_of(cells: list[str]) -> str | None:
            return spelled(cells[0].strip('"')) if cells else None

        with staged(rows, key_of) as groups:
            read = groups.read(range(1, groups.groups + 1), rows_max=LINES_MAX)
            return [entry_of(group, PURCHASES, columns, "till") for group in read]


def dry_run(path: Path, text: str | bytes, *, encoding: str | None = None) -> Report:
    """Write a file, and return the report of its dry run."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return dry_run_of(path, encoding=encoding)


def dry_run_of(path: Path, kind: Kind = PURCHASES, *, encoding: str | None = None) -> Report:
    """Return the report of the dry run of a file, without a product that runs."""
    return importing.run(
        importing.File(name=str(path), source="till", kind=kind, encoding=encoding),
        importing.DryRun(None),
        home=path.parent,
        language="en",
        progress=lambda done, of: None,
        complain=lambda error: None,
    )
