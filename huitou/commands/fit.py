"""`huitou fit`: estimate a model from what has happened, and put it in force."""

import json
import time
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from huitou.client import Product
from huitou.exits import Exit, Refused
from huitou.settings import Settings

POLL_SECONDS = 0.3
FIT_SECONDS_MAX = 1_800.0


def fit(
    kind: Annotated[str, typer.Argument(help="bg_nbd, gamma_gamma or rfm.")],
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last day of the data, included; default today."),
    ] = None,
    currency: Annotated[str | None, typer.Option(help="For gamma_gamma; default the shop's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Fit a model in the running product, in a process of its own, and print its parameters (rates are a week)."""
    body: dict[str, Any] = {"until": until.date().isoformat()} if until else {}
    body |= {"currency": currency} if currency else {}
    with Product(Settings()) as product:
        asked = product.call("scoring", "POST", f"/v1/models/{kind}/fits", json=body)
        with Console(stderr=True).status(f"fitting {kind}"):
            done = _wait(product, asked["id"])
    if done["result"] is None:
        raise Refused(Exit.FAILED, f"The fit failed: {done['failure']}.")
    found = _result(done)
    typer.echo(
        json.dumps(found) if as_json else "\n".join(f"{name:15} {value}" for name, value in found.items())
    )


def _wait(product: Product, fit_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + FIT_SECONDS_MAX
    while time.monotonic() < deadline:
        shown: dict[str, Any] = product.call("scoring", "GET", f"/v1/fits/{fit_id}")
        if shown["status"] in ("done", "failed"):
            return shown
        time.sleep(POLL_SECONDS)
    raise Refused(Exit.FAILED, f"The fit {fit_id} still runs; ask GET /v1/fits/{fit_id} later.")


def _result(done: dict[str, Any]) -> dict[str, Any]:
    result = done["result"]
    parameters = {name: value for name, value in result["parameters"].items() if name != "kind"}
    return {
        "kind": done["kind"],
        "until": done["until"],
        **parameters,
        "log_likelihood": result["log_likelihood"],
        "customers": result["customers"],
        "version": result["version"],
        "status": result["status"],
    }
