"""`huitou import purchases`: a CSV file of purchases into the running product."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from huitou import backlog
from huitou.client import Product
from huitou.exits import Exit, Refused
from huitou.imports.report import Report, RowError
from huitou.settings import Settings


def import_purchases(
    file: Annotated[Path, typer.Argument(help="CSV, one row a line item, the rows of one order adjacent.")],
    source: Annotated[
        str, typer.Option(help="The till or shop it comes from: order ids are unique within it.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, import nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until points and scores have caught up.")] = True,
) -> None:
    """Import purchases: columns order_id, customer, purchased_at, currency, sku, category, quantity, amount_minor.

    An order with an error in any of its rows is left out whole and reported. Run again after an interruption, the
    import goes on where it was; run again after its end, it recognises every order and changes nothing.
    """
    if not file.is_file():
        raise Refused(Exit.USAGE, f"There is no file {file}.")
    settings = Settings()
    console = Console(stderr=True)
    report = (
        _check(file, source, settings, console) if dry_run else _import(file, source, settings, console, wait)
    )
    typer.echo(json.dumps(report.document(), ensure_ascii=False) if as_json else _words(report))
    if report.refused:
        raise typer.Exit(Exit.FAILED)


def _check(file: Path, source: str, settings: Settings, console: Console) -> Report:
    with _bar(console) as bar:
        return _run(file, source, settings, None, bar)


def _import(file: Path, source: str, settings: Settings, console: Console, wait: bool) -> Report:
    with Product(settings) as product, _bar(console) as bar:
        report = _run(file, source, settings, product, bar)
        if wait:
            began = time.monotonic()
            backlog.wait_until_empty(product, bar)
            report.settled_seconds = round(report.seconds + time.monotonic() - began, 3)
    return report


def _run(file: Path, source: str, settings: Settings, product: Product | None, bar: Progress) -> Report:
    from huitou.imports import purchases  # loads profile, which the other commands need not wait for

    task = bar.add_task(file.name, total=file.stat().st_size)

    def complain(error: RowError) -> None:
        bar.console.print(str(error), markup=False, highlight=False, soft_wrap=True)

    return purchases.run(
        file,
        source,
        home=settings.home,
        product=product,
        progress=lambda byte: bar.update(task, completed=byte),
        complain=complain,
    )


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def _words(report: Report) -> str:
    done = "would be imported" if report.dry_run else f"imported, {report.repeated} were there already"
    count = report.orders - report.refused if report.dry_run else report.imported
    text = f"{report.orders} orders in {report.rows} rows: {count} {done}, {report.refused} refused"
    text += f" for {report.errors_count} errors" if report.errors_count else ""
    return (
        f"{text}. {report.seconds:.1f} s, settled after {report.settled_seconds:.1f} s."
        if (report.settled_seconds is not None)
        else f"{text}. {report.seconds:.1f} s."
    )
