"""`huitou fit`: estimate a model from what has happened, and put it in force."""

import json
import math
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from huitou import fits
from huitou.client import Product
from huitou.exits import Exit, Refused
from huitou.settings import Settings
from huitou.speech import said


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
    with Product(Settings()) as product, Console(stderr=True).status(said("fitting", kind=kind)):
        done = fits.run(product, kind, body)
    if done["result"] is None:
        advice = said(_FAILURES.get(done["failure"], "fit_advice_other"))
        raise Refused(Exit.FAILED, said("fit_failed", failure=done["failure"], advice=advice))
    typer.echo(json.dumps(_result(done)) if as_json else "\n".join(_lines(done)))
    if done["result"]["status"] == "rejected":
        raise Refused(Exit.MODEL_REJECTED, _rejection(done["result"]))
    if not as_json and (note := done["result"]["note"]):
        typer.echo(said(_NOTES[note], **(done["result"]["figures"] or {})), err=True)


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
    shown["closed_gates"] = ", ".join(found["closed_gates"]) or said("none")
    shown |= {name: _short(value) for name, value in (found["figures"] or {}).items() if name not in shown}
    return [f"{name:25} {value}" for name, value in shown.items()]


def _short(value: float) -> float:
    return int(value) if value == int(value) else round(value, 4)


def _rejection(result: dict[str, Any]) -> str:
    """Name the closed gates with their figures, and what to do about each."""
    figures = _NO_FIGURES | (result["figures"] or {})
    closed = [name for name, is_open in result["gates"].items() if not is_open]
    reasons = [said("named", name=name, words=said(_GATES[name], **figures)) for name in closed]
    return said("fit_rejected", version=result["version"], reasons=" ".join(reasons))


_NOTES = {
    "no_dropout_seen": "fit_no_dropout",
    "spends_left_out": "fit_spends_left_out",
    "mean_observed": "fit_mean_observed",
}
"""The sentence with what a note means."""
_FAILURES = {"no_customers": "fit_advice_no_customers", "timed_out": "fit_advice_timed_out"}
_GATES = {
    "finite": "gate_finite",
    "converged": "gate_converged",
    "enough_customers": "gate_enough_customers",
    "mean_exists": "gate_mean_exists",
    "predicts": "gate_predicts",
}
"""The sentence with what to do about each closed gate."""
_NO_FIGURES = dict.fromkeys(
    (
        "customers",
        "customers_min",
        "q",
        "holdout_days",
        "predicted",
        "predicted_in_force",
        "holdout_purchase_days",
    ),
    math.nan,
)
"""The figures in those sentences, which a fit that ended early lacks."""
