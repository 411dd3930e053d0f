"""`huitou fit`: estimate a model from what has happened, and put it in force."""

import json
import math
from collections import defaultdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from huitou import fits
from huitou.client import Product
from huitou.exits import Exit, Refused
from huitou.settings import Settings


def fit(
    kind: Annotated[str, typer.Argument(help="bg_nbd, gamma_gamma or rfm.")],
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last day of the data, included; default today."),
    ] = None,
    currency: Annotated[str | None, typer.Option(help="For gamma_gamma; default the shop's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Fit a model in the running product, in a process of its own, and print its parameters (rates are a week).

    A rejected fit has an exit code of its own, and its closed gates are named with what to do.
    """
    body: dict[str, Any] = {"until": until.date().isoformat()} if until else {}
    body |= {"currency": currency} if currency else {}
    with Product(Settings()) as product, Console(stderr=True).status(f"fitting {kind}"):
        done = fits.run(product, kind, body)
    if done["result"] is None:
        advice = _FAILURES.get(done["failure"], "The log of scoring says why; fit again.")
        raise Refused(Exit.FAILED, f"The fit failed: {done['failure']}. {advice}")
    typer.echo(json.dumps(_result(done)) if as_json else "\n".join(_lines(done)))
    if done["result"]["status"] == "rejected":
        raise Refused(Exit.MODEL_REJECTED, _rejection(done["result"]))
    if not as_json and done["result"]["note"] == "no_dropout_seen":
        typer.echo(_NO_DROPOUT, err=True)


def _result(done: dict[str, Any]) -> dict[str, Any]:
    result = done["result"]
    parameters = {name: value for name, value in result["parameters"].items() if name != "kind"}
    shown = ("log_likelihood", "customers", "version", "status", "note", "gates", "figures")
    return {
        "kind": done["kind"],
        "until": done["until"],
        **parameters,
        **{name: result[name] for name in shown},
        "closed_gates": [name for name, is_open in result["gates"].items() if not is_open],
    }


def _lines(done: dict[str, Any]) -> list[str]:
    found = _result(done)
    shown = {name: value for name, value in found.items() if name not in ("gates", "figures", "closed_gates")}
    shown["closed_gates"] = ", ".join(found["closed_gates"]) or "none"
    shown |= {name: _short(value) for name, value in (found["figures"] or {}).items() if name not in shown}
    return [f"{name:25} {value}" for name, value in shown.items()]


def _short(value: float) -> float:
    return int(value) if value == int(value) else round(value, 4)


def _rejection(result: dict[str, Any]) -> str:
    """Name the closed gates with their figures, and what to do about each."""
    figures = defaultdict(lambda: math.nan, result["figures"] or {})
    closed = [name for name, is_open in result["gates"].items() if not is_open]
    reasons = [f"{name}: {_GATES[name].format_map(figures)}" for name in closed]
    return f"Version {result['version']} was rejected, the version in force stays. {' '.join(reasons)}"


_FAILURES = {
    "no_customers": "The days up to this one hold nothing to fit: import purchases, or name a later day with --until.",
    "timed_out": "It took too long: fit again when the machine is less busy.",
}
_NO_DROPOUT = (
    "The data do not show that anybody leaves: the model has no dropout (a = 0), and p_alive is 1 for everybody. "
    "Read expected_purchases_90d."
)
_GATES = {
    "finite": "the likelihood is not a number; look for dates and amounts that cannot be (huitou verify), then fit again.",
    "converged": "the data do not settle the parameters; fit again with more days or customers.",
    "enough_customers": "the data hold {customers:.0f} customers and {customers_min:.0f} are needed; fit again when there are more.",
    "mean_exists": "spend has no mean (q is {q:.2f} and must be above 1), because a few customers spend nearly all; "
    "fit again with more customers.",
    "predicts": "in the last {holdout_days:.0f} days it expected {predicted:.0f} purchase days, the version in force "
    "{predicted_in_force:.0f}, and {holdout_purchase_days:.0f} came, so the version in force predicts each customer at least as "
    "well; there is nothing to do, fit again when there is more data.",
}
