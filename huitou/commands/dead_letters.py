"""`huitou dead-letters`: records that could not be applied, in all services: list, show, retry, discard."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from huitou.client import Product, problem
from huitou.exits import Exit, Refused
from huitou.settings import SERVICES, Settings
from shared.limits import PAGE_ITEMS_MAX

SHOWN_MAX = 10_000
"""Records that one listing shows at most, of one service."""

app = typer.Typer(help="Records that could not be applied: look, retry, discard.", no_args_is_help=True)

RecordId = Annotated[str, typer.Argument(help="The record's id, as `list` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("list")
def list_records(
    service: Annotated[str | None, typer.Option(help="Only this service's.")] = None,
    state: Annotated[
        str | None, typer.Option(help="dead, queued, parked, applied or discarded; default the first three.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what was set aside: dead (refused), queued behind a dead one of its key, parked until a fact comes."""
    if service is not None and service not in SERVICES:
        raise Refused(Exit.USAGE, f"There is no service {service!r}; there are {', '.join(SERVICES)}.")
    with Product(Settings()) as product:
        names = [service] if service else SERVICES
        found = [{"service": name, **record} for name in names for record in _pages(product, name, state)]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    elif found:
        Console().print(_table(found))
    else:
        typer.echo("Nothing is set aside.")


@app.command("show")
def show_record(record_id: RecordId) -> None:
    """Show one record with its headers and payload, as JSON."""
    with Product(Settings()) as product:
        service, record = _find(product, record_id)
    typer.echo(json.dumps({"service": service, **record}, ensure_ascii=False, indent=2))


@app.command("retry")
def retry_record(record_id: RecordId) -> None:
    """Apply a dead record and what is queued behind it, in order; refused again, nothing changes."""
    _act(record_id, "retry", "applied")


@app.command("discard")
def discard_record(record_id: RecordId) -> None:
    """Give a dead record up, and apply what is queued behind it."""
    _act(record_id, "discard", "discarded; behind it, applied")


def _act(record_id: str, verb: str, words: str) -> None:
    with Product(Settings()) as product:
        service, _ = _find(product, record_id)
        done = product.call(service, "POST", f"/v1/set-aside/{record_id}/{verb}")
    typer.echo(f"{record_id} in {service} {words}: {done['applied']} records.")


def _find(product: Product, record_id: str) -> tuple[str, dict[str, Any]]:
    for service in SERVICES:
        answer = product.ask(service, "GET", f"/v1/set-aside/{record_id}")
        if answer.is_success:
            return service, answer.json()
        if answer.status_code != 404:
            raise Refused(Exit.FAILED, problem(answer))
    raise Refused(
        Exit.FAILED, f"No service has set aside a record {record_id!r}; see `huitou dead-letters list`."
    )


def _pages(product: Product, service: str, state: str | None) -> Iterator[dict[str, Any]]:
    query: dict[str, str | int] = {"limit": PAGE_ITEMS_MAX} | ({"state": state} if state else {})
    for _ in range(SHOWN_MAX // PAGE_ITEMS_MAX):
        page = product.call(service, "GET", "/v1/set-aside", query=query)
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table("service", "id", "state", "type", "key", "why", "since")
    for record in found:
        why = record["awaits"] or f"{record['code']}: {record['reason']}"
        table.add_row(
            record["service"],
            record["id"],
            record["state"],
            record["type"],
            record["key"],
            why,
            record["booked_at"],
        )
    return table
