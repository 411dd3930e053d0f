"""`huitou api-key`: the API keys of partners: create, list, revoke."""

import json
import uuid
from datetime import datetime
from itertools import chain
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from huitou.client import Product
from huitou.settings import SERVICES, Settings
from huitou.speech import said
from shared.limits import API_KEYS_MAX
from shared.run import terminal_help

SHOWN_MAX = 10 * API_KEYS_MAX
"""Keys that one listing shows at most, with those that are revoked or have expired."""
WIDTH = 2_000
"""Characters of a line. A narrower terminal wraps it; nothing is cut."""
HEADINGS = {
    "id": "list_id",
    "partner_id": "list_partner_id",
    "label": "list_label",
    "scopes": "list_scopes",
    "expires_at": "list_expires_at",
    "revoked_at": "list_revoked_at",
    "last_used_at": "list_last_used_at",
}
"""The columns of a listing, and the words above them."""

app = typer.Typer(
    cls=terminal_help.Group, help="API keys of partners: create, list, revoke.", no_args_is_help=True
)


@app.command("create")
def create_key(
    partner: Annotated[str, typer.Argument(help="The partner's id.")],
    label: Annotated[
        str, typer.Option(help="A word by which you know the key, such as the system that gets it.")
    ],
    scope: Annotated[list[str], typer.Option(help="A scope of the key; may be given several times.")],
    expires_at: Annotated[
        datetime | None,
        typer.Option(
            help="The time in UTC from which the key is refused; without it the key does not end by itself."
        ),
    ] = None,
) -> None:
    """Create an API key of a partner, and print it alone on standard output. It is shown this once."""
    wanted = {
        "partner_id": partner,
        "label": label,
        "scopes": scope,
        "expires_at": expires_at and f"{expires_at.isoformat()}Z",
    }
    with Product(Settings()) as product:
        created = product.call("profile", "POST", "/v1/api-keys", json=wanted, key=str(uuid.uuid4()))
    typer.echo(created["key"])
    typer.echo(said("api_key_created", id=created["id"], partner=created["partner_id"]), err=True)


@app.command("list")
def list_keys(
    partner: Annotated[str | None, typer.Option(help="Only this partner's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List API keys, also those that were revoked or have expired, with the last use in any service."""
    query = {"partner_id": partner} if partner else {}
    with Product(Settings()) as product:
        in_services = [
            list(product.items(service, "/v1/api-keys", query=query, count_max=SHOWN_MAX))
            for service in SERVICES
        ]
    uses: dict[str, str] = {}
    for key in chain.from_iterable(in_services):
        uses[key["id"]] = max(uses.get(key["id"], ""), key["last_used_at"] or "")
    keys = [
        key | {"last_used_at": uses[key["id"]] or None} for key in in_services[0]
    ]  # profile has the register
    if as_json:
        typer.echo(json.dumps(keys, ensure_ascii=False))
    elif keys:
        Console(width=WIDTH).print(_table(keys))
    else:
        typer.echo(said("no_api_keys"))


@app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="The id of the key, as `list` shows it: key_…")],
) -> None:
    """Revoke an API key: every service refuses it within 5 seconds."""
    with Product(Settings()) as product:
        revoked = product.call("profile", "POST", f"/v1/api-keys/{key_id}/revoke")
    typer.echo(said("api_key_revoked", id=revoked["id"], partner=revoked["partner_id"]))


def _table(keys: list[dict[str, Any]]) -> Table:
    """Return a table of keys in which nothing is cut, because the next command needs the whole id."""
    table = Table()
    for heading in HEADINGS.values():
        table.add_column(said(heading), no_wrap=True)
    for key in keys:
        shown = key | {"scopes": " ".join(key["scopes"])}
        table.add_row(*(escape(shown[column] or "") for column in HEADINGS))
    return table
