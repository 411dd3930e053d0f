"""`huitou import`: a CSV file of purchases or returns into the running product."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from huitou import backlog, speech
from huitou.client import Product
from huitou.exits import Exit
from huitou.imports.report import Report, line_of
from huitou.settings import Settings
from huitou.speech import said
from shared.files.row_error import RowError
from shared.http.language import Language

if TYPE_CHECKING:
    from huitou.imports import importing

FileName = Annotated[
    str, typer.Argument(help="CSV with a header, one row a line item; - reads standard input.")
]
Source = Annotated[str, typer.Option(help="The till or shop it comes from: ids are unique within it.")]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Try everything, keep nothing. It asks the running product what is recorded already.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
Wait = Annotated[bool, typer.Option(help="Wait until points and scores have caught up.")]
Anonymous = Annotated[
    bool,
    typer.Option("--anonymous", help="Record orders with a blank customer without one, to be claimed later."),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        help="Of the file, such as windows-1252; by default UTF-8, UTF-16 and GB18030 are recognised."
    ),
]
Spoken = Annotated[Language | None, typer.Option("--language", help="Of errors: en or zh; default by LANG.")]


def import_purchases(
    file: FileName,
    source: Source,
    anonymous: Anonymous = False,
    encoding: Encoding = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    wait: Wait = True,
    language: Spoken = None,
) -> None:
    """Import purchases: columns order_id, customer, purchased_at, currency, sku, quantity, amount_minor (or amount).

    Rows with one order_id are one order, wherever they are in the file. An order with an error in any of its rows is left
    out whole and reported. Run again after an interruption, the import goes on where it was; run again after its end, it
    recognises every order and changes nothing.
    """
    # It loads profile, which the other commands need not wait for.
    from huitou.imports import importing
    from huitou.imports.purchases import ANONYMOUS_TOO, PURCHASES

    kind = ANONYMOUS_TOO if anonymous else PURCHASES
    given = importing.File(name=file, source=source, kind=kind, encoding=encoding)
    _run(given, dry_run=dry_run, as_json=as_json, wait=wait, language=language)


def import_returns(
    file: FileName,
    source: Source,
    encoding: Encoding = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    wait: Wait = True,
    language: Spoken = None,
) -> None:
    """Import returns: columns return_id, order_id, returned_at, line, quantity; `line` counts the order's lines from 1.

    It works as the import of purchases does. A return whose order is not recorded yet waits for it.
    """
    from huitou.imports import importing  # loads profile, likewise
    from huitou.imports.returns import RETURNS

    given = importing.File(name=file, source=source, kind=RETURNS, encoding=encoding)
    _run(given, dry_run=dry_run, as_json=as_json, wait=wait, language=language)


def _run(
    file: "importing.File", *, dry_run: bool, as_json: bool, wait: bool, language: Language | None
) -> None:
    from huitou.imports import importing  # loads profile, likewise

    if language is not None:
        speech.choose(language)
    settings = Settings()
    with _bar() as bar, Product(settings) as product:
        if dry_run:
            asked = product if product.answers("profile") else None
            way: importing.Keep | importing.DryRun = importing.DryRun(asked)
        else:
            way = importing.Keep(product)
        report = importing.run(
            file,
            way,
            home=settings.home,
            language=speech.language(),
            progress=_progress(bar, said("standard_input") if file.name == "-" else Path(file.name).name),
            complain=lambda error: _complain(bar, error),
        )
        if wait and not dry_run:
            bar.start()
            began = time.monotonic()
            backlog.wait_until_empty(product, bar)
            report.settled_seconds = round(report.seconds + time.monotonic() - began, 3)
    words = _words(report, file.kind.plural)
    typer.echo(json.dumps(report.document(), ensure_ascii=False) if as_json else words)
    if report.refused:
        raise typer.Exit(Exit.FAILED)


def _progress(bar: Progress, name: str) -> Callable[[int, int], None]:
    """Return the function that shows how many entries of a file are done, of how many."""
    task = bar.add_task(name, total=None)

    def show(done: int, of: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=of)

    return show


def _complain(bar: Progress, error: RowError) -> None:
    bar.console.print(line_of(error), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _bar() -> Iterator[Progress]:
    """Yield a bar that the first progress shows: a command that is refused before prints its sentence alone."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    try:
        yield bar
    finally:
        if bar.live.is_started:
            bar.stop()


def _words(report: Report, plural: str) -> str:
    in_file, settled = report.repeated_in_file, report.settled_seconds
    return said(
        "import_dry" if report.dry_run else "import_done",
        orders=said(_KINDS[plural], count=report.orders),
        rows=report.rows,
        count=report.new,
        repeated=report.repeated,
        in_file=said("import_repeated_in_file", count=in_file) if in_file else "",
        anonymous=said("import_anonymous", count=report.anonymous) if report.anonymous else "",
        waiting=said("import_waiting", count=report.waiting) if report.waiting else "",
        refused=report.refused,
        errors=said("import_errors", count=report.errors_count) if report.errors_count else "",
        seconds=report.seconds,
        settled="" if settled is None else said("import_settled", seconds=settled),
        unasked="" if report.asked else said("import_unasked"),
        read_as="" if report.encoding == "utf-8" else said("import_read_as", encoding=report.encoding),
    )


_KINDS = {"purchases": "import_purchases", "returns": "import_returns"}
