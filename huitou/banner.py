"""The text that `huitou up` prints when every service answers: addresses, tokens and first commands."""

import json
from datetime import datetime

import typer

from huitou import tokens
from huitou.settings import Settings
from shared.clock import SystemClock

WHAT = {
    "profile": "who the customer is",
    "loyalty": "what they have earned",
    "feedback": "what went wrong",
    "scoring": "whether they will come back",
}
PARTNER = "example-brand"


def show(settings: Settings, customer_id: str | None) -> None:
    """Print addresses, a token for each role, and four commands that can be pasted unchanged.

    `customer_id` is a customer of the demo; None without a demo: then the commands create a customer.
    """
    lines = ["", "Huitou runs. Ctrl-C stops it; nothing is lost.", ""]
    lines.append(f"  {'console':9} {settings.address('console')}")
    lines += [f"  {name:9} {settings.address(name)}/docs   {words}" for name, words in WHAT.items()]
    lines += [
        "",
        f"  Everything is kept in {settings.home.resolve()}; its log is huitou.log.",
        "",
        "Tokens",
        "",
    ]
    held = {role: tokens.operator(settings.home, role) for role in tokens.ROLES}
    lines += [f"  {role:9} {token}" for role, token in held.items()]
    lines += [f"  {'partner':9} huitou token --partner {PARTNER}"]
    lines += [f"  {'customer':9} huitou token --customer {customer_id or 'ID'}   (for 15 minutes)", ""]
    lines += ["Try", ""]
    lines += [f"  {command}" for command in _commands(settings, held["admin"], customer_id)]
    typer.echo("\n".join([*lines, ""]))


def _commands(settings: Settings, token: str, customer_id: str | None) -> list[str]:
    now = SystemClock().now()
    purchase = _post(settings, token, "profile", "/v1/purchases", _purchase(now, customer_id))
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


def _purchase(now: datetime, customer_id: str | None) -> dict[str, object]:
    at = now.replace(microsecond=0)
    return {
        "source": "till-1",
        "order_id": f"T{at:%Y%m%d%H%M%S}",
        "purchased_at": at.isoformat().replace("+00:00", "Z"),
        "customer": {"id": customer_id} if customer_id else {"external_id": "first-customer"},
        "currency": Settings().currency,
        "lines": [{"sku": "tea-250g", "quantity": 2, "amount_minor": 3600, "category": "tea"}],
    }


def _get(settings: Settings, token: str, service: str, path: str) -> str:
    return f"curl -sS -H 'Authorization: Bearer {token}' '{settings.address(service)}{path}'"


def _post(settings: Settings, token: str, service: str, path: str, body: object) -> str:
    return (
        f"curl -sS -X POST -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' "
        f"'{settings.address(service)}{path}' -d '{json.dumps(body)}'"
    )
