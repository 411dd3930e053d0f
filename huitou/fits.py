"""Fits of models in the running product: ask for one, and wait until it has ended."""

import time
from collections.abc import Mapping
from typing import Any

from huitou.client import Product
from huitou.exits import Exit, Refused
from huitou.speech import said

POLL_SECONDS = 0.3
FIT_SECONDS_MAX = 1_800.0


def ask(product: Product, kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for a fit of a kind of model, and return it as it waits."""
    asked: dict[str, Any] = product.call("scoring", "POST", f"/v1/models/{kind}/fits", json=dict(options))
    return asked


def run(product: Product, kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for a fit, wait until it has ended, and return it. Raises Refused after FIT_SECONDS_MAX."""
    asked = ask(product, kind, options)
    deadline = time.monotonic() + FIT_SECONDS_MAX
    while time.monotonic() < deadline:
        shown: dict[str, Any] = product.call("scoring", "GET", f"/v1/fits/{asked['id']}")
        if shown["status"] in ("done", "failed"):
            return shown
        time.sleep(POLL_SECONDS)
    raise Refused(Exit.FAILED, said("fit_still_runs", fit=asked["id"]))
