"""The text that `huitou up` prints when every service answers: one screen of 24 rows and 80 columns, with the addresses last."""

import json
import shlex
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import typer

from huitou import tokens
from huitou.settings import Settings
from huitou.speech import said
from shared.clock import SystemClock

WHAT = {
    "profile": "banner_what_profile",
    "loyalty": "banner_what_loyalty",
    "feedback": "banner_what_feedback",
    "scoring": "banner_what_scoring",
}

CURSOR_ROWS = 1
"""The row below the text, in which the cursor stands."""


def show(settings: Settings, customer_id: str | None) -> None:
    """Print where everything is kept, how to get tokens, four commands that can be pasted unchanged, and the addresses.

    `customer_id` is a customer of the demo; None without a demo: then the commands create a customer. A terminal that is too
    small for everything gets fewer commands.
    """
    folder = tokens.write_operators(settings.home)
    shop = said("banner_empty_shop") if customer_id is None else said("banner_demo_shop")
    above = [
        said("banner_runs", shop=shop, currency=settings.currency),
        said("banner_keeps", home=_short(settings.home), folder=folder.name),
        f"  {'  '.join(tokens.ROLES)} ",
        said("banner_others", role=tokens.ROLES[0], partner=tokens.EXAMPLE_PARTNER),
        said("banner_commands"),
    ]
    commands = [f"  {command}" for command in _commands(settings, _short(folder / "admin"), customer_id)]
    addresses = [
        f"{'console':9} {settings.address('console')}",
        *(f"{name:9} {settings.address(name)}/docs   {said(sentence)}" for name, sentence in WHAT.items()),
        "",
    ]
    typer.echo("\n".join([*above, *_fitting(commands, [*above, *addresses]), *addresses]))


def _fitting(commands: Sequence[str], others: Sequence[str]) -> Sequence[str]:
    """Return the commands that fit on the terminal with all other lines: long paths can make the last ones too many."""
    if not sys.stdout.isatty():
        return commands
    columns, rows = shutil.get_terminal_size()
    while len(commands) > 1 and _rows([*commands, *others], columns) + CURSOR_ROWS > rows:
        commands = commands[:-1]
    return commands


def _rows(lines: Iterable[str], columns: int) -> int:
    """Return the rows that lines take on a terminal that wraps them."""
    return sum(max(-(-_width(line) // columns), 1) for line in lines)


def _width(line: str) -> int:
    """Return the columns of a line: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)


def _short(path: Path) -> Path:
    """Return the path from the current folder if it lies in it, else the whole path."""
    path, here = path.resolve(), Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) and path != here else path


def _commands(settings: Settings, token: Path, customer_id: str | None) -> list[str]:
    now = SystemClock().now()
    purchase = _post(settings, token, "profile", "/v1/purchases", _purchase(settings, now, customer_id))
    if customer_id is None:
        buyer = {"external_id": "first-customer"}
        return [
            purchase,
            _post(settings, token, "profile", "/v1/customers:lookup", buyer),
            _get(settings, token, "profile", "/v1/purchases?limit=1"),
            _get(settings, token, "scoring", "/v1/models"),
        ]
    return [
        _get(settings, token, "loyalty", f"/v1/members/{customer_id}"),
        purchase,
        _get(settings, token, "loyalty", f"/v1/members/{customer_id}/ledger?limit=2"),
        _get(settings, token, "scoring", f"/v1/customers/{customer_id}/scores"),
    ]


def _purchase(settings: Settings, now: datetime, customer_id: str | None) -> dict[str, object]:
    at = now.replace(microsecond=0)
    return {
        "source": "till-1",
        "order_id": f"T{at:%Y%m%d%H%M%S}",
        "purchased_at": at.isoformat().replace("+00:00", "Z"),
        "customer": {"id": customer_id} if customer_id else {"external_id": "first-customer"},
        "currency": settings.currency,
        "lines": [{"sku": "tea", "quantity": 2, "amount_minor": 3600}],
    }


def _curl(token: Path) -> str:
    return f'curl -sS -H "Authorization: Bearer $(cat {shlex.quote(str(token))})"'


def _get(settings: Settings, token: Path, service: str, path: str) -> str:
    return f"{_curl(token)} '{settings.address(service)}{path}'"


def _post(settings: Settings, token: Path, service: str, path: str, body: object) -> str:
    text = json.dumps(body, separators=(",", ":"))
    return (
        f"{_curl(token)} '{settings.address(service)}{path}' -H 'Content-Type: application/json' -d '{text}'"
    )
