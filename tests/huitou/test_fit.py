"""`huitou fit` says what came of it, by exit code, by gate and figure, and as JSON."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from huitou.client import Product
from huitou.commands.fit import _rejection
from huitou.exits import Exit
from huitou.settings import Settings
from tests.parts.installations import Installation

CUSTOMERS = 6


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running shop of a few customers who bought twice."""
    installation = Installation(tmp_path_factory.mktemp("fit") / "home")
    with installation.up("--no-demo"):
        settings = Settings(home=installation.home, port_base=installation.port_base)
        with Product(settings) as product:
            product.call("profile", "POST", "/v1/purchases:batch", json={"items": _purchases()})
        yield installation


def _purchases() -> list[dict[str, object]]:
    now = datetime.now(UTC)
    return [
        {
            "source": "till-1",
            "order_id": f"{number}-{days}",
            "purchased_at": (now - timedelta(days=days)).isoformat(),
            "customer": {"external_id": f"customer-{number}"},
            "currency": "CNY",
            "lines": [{"sku": "tea", "quantity": 1, "amount_minor": 1_000}],
        }
        for number in range(CUSTOMERS)
        for days in (number + 1, number + 20)
    ]


@pytest.mark.long
@pytest.mark.slow
def test_a_rejected_fit_has_its_own_exit_code_and_names_the_gate_its_figures_and_what_to_do(
    shop: Installation,
) -> None:
    for kind in ("rfm", "bg_nbd", "gamma_gamma"):
        said = shop.run("fit", kind)
        assert said.returncode == Exit.MODEL_REJECTED, said
        assert "rejected" in said.stderr
        assert f"enough_customers: the data hold {CUSTOMERS} customers and 50 are needed" in said.stderr
        assert "fit again" in said.stderr
        assert "closed_gates" in said.stdout

    told = shop.run("fit", "rfm", "--json")
    document = json.loads(told.stdout)
    assert told.returncode == Exit.MODEL_REJECTED
    assert (document["status"], document["closed_gates"]) == ("rejected", ["enough_customers"])
    assert document["figures"] == {"customers": CUSTOMERS, "customers_min": 50}


@pytest.mark.slow
def test_a_fit_without_data_says_what_to_do(shop: Installation) -> None:
    said = shop.run("fit", "rfm", "--until", "2001-01-01")

    assert said.returncode == Exit.FAILED
    assert "no_customers" in said.stderr
    assert "--until" in said.stderr


def test_every_gate_has_a_sentence_with_its_figures() -> None:
    gates = ("finite", "converged", "enough_customers", "mean_exists", "predicts")
    figures = {
        "customers": 524.0, "customers_min": 50.0, "q": 0.96, "holdout_days": 90.0, "holdout_purchase_days": 3020.0,
        "predicted": 3500.4, "predicted_in_force": 3104.6,
    }  # fmt: skip

    said = _rejection({"version": 7, "gates": dict.fromkeys(gates, False), "figures": figures})

    assert [gate for gate in gates if f"{gate}: " not in said] == []
    assert (
        "in the last 90 days it expected 3500 purchase days, the version in force 3105, and 3020 came" in said
    )
    assert "q is 0.96" in said
    assert "?" not in said
