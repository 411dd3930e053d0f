"""`huitou dead-letters`: records that could not be applied, in all services: list, show, retry, discard, let pass."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from huitou import home
from huitou.client import Product
from huitou.exits import Exit, Refused
from huitou.settings import SERVICES, Settings
from huitou.speech import said
from shared.audit.commands import login
from shared.auth.principal import is_subject
from shared.run import terminal_help

SHOWN_MAX = 10_000
"""Records that one listing shows at most, of one service."""
WIDTH = 2_000
"""Characters of a line. A narrower terminal wraps it; nothing is cut."""
HEADINGS = ("list_service", "list_id", "list_state", "list_type", "list_key", "list_why", "list_since")
STANDING = ("partition_braked", "partition_failing")
"""The codes of the issues about a partition that stands."""

app = typer.Typer(
    cls=terminal_help.Group,
    help="Records that could not be applied: look, retry, discard, let pass.",
    no_args_is_help=True,
)

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
    """List what was set aside: dead (refused), queued behind a dead one of its key, parked until a fact comes.

    Below it are the partitions that stand, because a record of theirs could neither be applied nor set aside.
    """
    if service is not None:
        home.check_service(service)
    query = {"state": state} if state else {}
    with Product(Settings()) as product:
        names = [service] if service else SERVICES
        records = [
            {"service": name, **record}
            for name in names
            for record in product.items(name, "/v1/set-aside", query=query, count_max=SHOWN_MAX)
        ]
        standing = [stopped for name in names for stopped in _standing(product, name)]
    if as_json:
        typer.echo(json.dumps([*records, *standing], ensure_ascii=False))
        return
    if records:
        Console(width=WIDTH).print(_table(records))
    for stopped in standing:
        typer.echo(
            said(
                "issue_of_a_service",
                service=stopped["service"],
                reason=stopped["reason"],
                code=stopped["code"],
            )
        )
    if not records and not standing:
        typer.echo(said("nothing_set_aside"))


@app.command("show")
def show_record(record_id: RecordId) -> None:
    """Show one record with its headers and payload, as JSON."""
    with Product(Settings()) as product:
        service, record = _find(product, record_id)
    typer.echo(json.dumps({"service": service, **record}, ensure_ascii=False, indent=2))


@app.command("retry")
def retry_record(record_id: RecordId) -> None:
    """Apply a dead record and what is queued behind it, in order; refused again, nothing changes."""
    _act(record_id, "retry", "record_applied")


@app.command("discard")
def discard_record(record_id: RecordId) -> None:
    """Give up a dead or parked record, and apply what is queued behind it."""
    _act(record_id, "discard", "record_discarded")


@app.command("pass")
def pass_batch(
    service: Annotated[str, typer.Argument(help="The service whose partition stands.")],
    place: Annotated[str, typer.Argument(help="The partition, as `list` shows it: huitou.purchases/3.")],
    by: Annotated[
        str | None,
        typer.Option(help="Who lets it pass, which is written down; default: this machine's user."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Let the batch pass at which a partition stands; says first what will be set aside, and asks.

    A batch of which too much would be set aside stops its partition, because a bad deployment is likelier than so many bad
    records. This is for the records that really are bad. It takes effect within seconds, without a restart.
    """
    home.check_service(service)
    name = by or login()
    if not is_subject("operator", name):
        raise Refused(Exit.USAGE, said("by_is_no_name", name=name))
    with Product(Settings(), name=name) as product:
        stopped = product.call(service, "GET", "/v1/stopped-partitions")["items"]
        held = [stop for stop in stopped if f"{stop['topic']}/{stop['partition']}" == place and stop["batch"]]
        if not held:
            raise Refused(Exit.FAILED, said("batch_not_held", place=place, service=service))
        for stop in held:
            _tell_batch(service, place, stop["batch"])
            if not yes and not typer.confirm(said("let_it_pass"), err=True):
                raise Refused(Exit.FAILED, said("nothing_changed"))
            held_at = {field: stop[field] for field in ("consumer", "topic", "partition")}
            batch = {field: stop["batch"][field] for field in ("from_offset", "until_offset", "dead")}
            product.call(service, "POST", "/v1/stopped-partitions:pass", json=held_at | batch)
    typer.echo(said("batch_passes", name=name))


def _tell_batch(service: str, place: str, batch: dict[str, Any]) -> None:
    typer.echo(
        said(
            "batch_of",
            service=service,
            place=place,
            records=batch["records"],
            offset=batch["from_offset"],
            dead=batch["dead"],
            queued=batch["queued"],
        )
    )
    for refusals in batch["refusals"]:
        typer.echo(said("refusals_of_a_type", **{**refusals, "type": refusals["type"] or said("unreadable")}))


def _act(record_id: str, verb: str, sentence: str) -> None:
    with Product(Settings()) as product:
        service, _ = _find(product, record_id)
        done = product.call(service, "POST", f"/v1/set-aside/{record_id}/{verb}")
    typer.echo(said(sentence, record=record_id, service=service, count=done["applied"]))


def _find(product: Product, record_id: str) -> tuple[str, dict[str, Any]]:
    for service in SERVICES:
        answer = product.ask(service, "GET", f"/v1/set-aside/{record_id}")
        if answer.is_success:
            return service, answer.json()
        if answer.status_code != 404:
            raise product.refusal(answer)
    raise Refused(Exit.FAILED, said("dead_letter_unknown", record=record_id))


def _standing(product: Product, service: str) -> list[dict[str, Any]]:
    """Return the partitions of a service that stand. The sentence of each says what to do."""
    issues = product.call(service, "GET", "/health/issues")["issues"]
    return [
        {"service": service, "state": "stands", "code": issue["code"], "reason": issue["detail"]}
        for issue in issues
        if issue["code"] in STANDING
    ]


def _table(records: list[dict[str, Any]]) -> Table:
    """Return a table of records in which nothing is cut, because the next command needs the whole id."""
    table = Table()
    for heading in HEADINGS:
        table.add_column(said(heading), no_wrap=True)
    for record in records:
        why = record["awaits"] or said("named", name=record["code"], words=record["reason"])
        table.add_row(
            *(escape(str(record[name] or "")) for name in ("service", "id", "state", "type", "key")),
            escape(why),
            record["booked_at"],
        )
    return table
