"""Import a file: group its rows, check each entry, send batches. A dry run sends them too, and the product keeps nothing."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from huitou import batches
from huitou.client import Product
from huitou.imports import checkpoint, content, header
from huitou.imports.checkpoint import Checkpoint
from huitou.imports.report import Report, with_options
from shared.clock import SystemClock
from shared.errors import FieldError
from shared.files import entries, staging
from shared.files.entries import Entry, Kind
from shared.files.parting import Parting
from shared.files.row_error import RowError
from shared.files.rows import Row, read_rows
from shared.files.staging import Staged
from shared.http.language import Language
from shared.limits import LINES_MAX

PATHS = {"purchases": batches.PURCHASES, "returns": batches.RETURNS}
"""The operations that record many, by the sort of file."""

Progress = Callable[[int, int], None]
"""Receives how many entries are done, of how many."""
Complain = Callable[[RowError], None]
"""Receives each error when it is found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file to import."""

    name: str
    source: str
    kind: Kind
    encoding: str | None = None
    """The encoding of the file; None: it is recognised."""


@dataclass(frozen=True, slots=True)
class Keep:
    """The product records what is in the file."""

    product: Product


@dataclass(frozen=True, slots=True)
class DryRun:
    """The product tries what is in the file, and nothing is kept."""

    product: Product | None
    """None: the product does not run, and the file alone is checked."""


def run(
    file: File,
    way: Keep | DryRun,
    *,
    home: Path,
    language: Language,
    progress: Progress,
    complain: Complain,
) -> Report:
    """Import a file, and return the report."""
    began = time.monotonic()
    product, source, kind = way.product, file.source, file.kind
    dry_run = isinstance(way, DryRun)
    report = Report(
        file.name,
        source,
        dry_run=dry_run,
        asked=product is not None,
        began_at=SystemClock().now(),
        language=language,
    )
    with content.opened(file.name, kind.columns, file.encoding) as taken_in:
        report.encoding = taken_in.read_as
        rows = read_rows(taken_in)
        columns = header.columns_of(next(rows, Row(1, [])).cells, kind)
        keys = entries.key_of(columns, kind), entries.related_of(columns, kind)
        with staging.staged(rows, *keys) as staged:
            report.rows, report.repeated_in_file = staged.rows, staged.repeated
            report.orders = staged.groups + staged.repeated
            place = checkpoint.path_of(home, taken_in.digest, f"{kind.plural}:{source}")
            at = (None if dry_run else checkpoint.read(place)) or Checkpoint()
            _go_on(at, staged, report)
            to_do = chain(at.refused, range(at.done + 1, staged.groups + 1))
            read = (
                entries.entry_of(group, kind, columns, source)
                for group in staged.read(to_do, rows_max=LINES_MAX)
            )
            for batch in batched(read):
                if dry_run:
                    _foresee(batch, kind, columns, staged)
                _send(batch, kind, columns, report, product)
                _count(batch, report, complain, taken_in.encoding)
                at = _after(at, batch, report)
                progress(at.done, staged.groups)
                if not dry_run:
                    checkpoint.write(place, at)
            if not dry_run:
                checkpoint.forget(place)
    report.seconds = round(time.monotonic() - began, 3)
    return report


def _go_on(at: Checkpoint, staged: Staged, report: Report) -> None:
    """Count what was imported before the interruption. What was refused is tried and counted again."""
    report.new, report.repeated = at.imported, at.repeated + staged.repeated
    report.waiting, report.anonymous = at.waiting, at.anonymous
    if at.done:
        report.resumed_at_row = staged.first_row(min(at.done + 1, staged.groups))


def _after(before: Checkpoint, batch: Sequence[Entry], report: Report) -> Checkpoint:
    """Return the checkpoint after a batch."""
    refused = {*before.refused, *(entry.position for entry in batch)}
    refused -= {entry.position for entry in batch if not entry.errors}
    return Checkpoint(
        done=max(before.done, *(entry.position for entry in batch)),
        imported=report.new,
        repeated=report.repeated - report.repeated_in_file,
        anonymous=report.anonymous,
        waiting=report.waiting,
        refused=sorted(refused),
    )


def batched(read: Iterator[Entry]) -> Iterator[list[Entry]]:
    """Yield batches as `Parting` makes them."""
    parting = Parting[Entry]()
    for entry in read:
        yield from parting.add(entry, entry.related, len(entry.rows))
    yield from parting.rest()


def _send(
    batch: Sequence[Entry], kind: Kind, columns: Sequence[str], report: Report, product: Product | None
) -> None:
    """Send the entries that have no error; what the product refuses has one then. Without a product they are new."""
    good = [entry for entry in batch if not entry.errors]
    if product is None:
        report.new += len(good)
        return
    if not good:
        return
    bodies = [entry.body for entry in good]
    outcomes = batches.record(product, PATHS[kind.plural], bodies, dry_run=report.dry_run)
    for entry, outcome in zip(good, outcomes, strict=True):
        faults = [
            FieldError(fault.pointer, fault.code, fault.detail, fault.detail) for fault in outcome.faults
        ]
        entry.errors += entries.faults_of(entry, kind, columns, faults)
        if outcome.recorded_at is not None:
            report.new += outcome.recorded_at >= report.began_at
            report.repeated += outcome.recorded_at < report.began_at
        report.waiting += outcome.status == batches.WAITING


def _foresee(batch: Sequence[Entry], kind: Kind, columns: Sequence[str], staged: Staged) -> None:
    """Add the errors that the product would find in entries because of those before them in the file."""
    for entry in batch:
        if not entry.errors:
            entry.errors += entries.foreseen(entry, kind, columns, staged.sums)


def _count(batch: Sequence[Entry], report: Report, complain: Complain, encoding: str) -> None:
    for entry in batch:
        report.refused += bool(entry.errors)
        report.anonymous += not entry.errors and entry.body.get("customer", "") is None
        for error in entry.errors:
            in_words = with_options(error, encoding)
            report.add(in_words)
            complain(in_words)
