"""The published CDNOW purchases, whole, through the command: how long it takes, and whether everything comes out right."""

import gzip
import json
import random
from collections import defaultdict
from pathlib import Path

import httpx2
import pytest

from huitou.exits import Exit
from tests.parts.installations import Installation
from tests.parts.stacks import ROOT

SECONDS_MAX = 180.0
PURCHASES = 69_659
CUSTOMERS = 23_570
LOOKED_AT = 25
PUBLISHED = {"r": 0.2516, "alpha": 4.7889, "a": 0.7234, "b": 2.1611}
"""The whole cohort as of 1997-09-30, a week (tests/scoring/models/domain/test_published_numbers.py has the source)."""


def _converted(path: Path) -> dict[str, list[int]]:
    """Write the file that the recipe's one-liner writes; the amounts of every customer."""
    amounts: dict[str, list[int]] = defaultdict(list)
    with gzip.open(ROOT / "tests/data/cdnow/CDNOW_master.txt.gz", "rt") as source, path.open("w") as target:
        next(source)
        target.write("order_id,customer,purchased_at,currency,sku,category,quantity,amount_minor\n")
        for order, line in enumerate(source, start=1):
            customer, day, quantity, dollars = line.split()
            amount = round(float(dollars) * 100)
            amounts[customer].append(amount)
            at = f"{day[:4]}-{day[4:6]}-{day[6:]}T12:00:00Z"
            target.write(f"{order},{customer},{at},USD,CD,music,{quantity},{amount}\n")
    return amounts


@pytest.mark.timeout(900)
def test_the_whole_of_cdnow_is_imported_in_three_minutes_and_comes_out_right(
    tmp_path: Path, seeded: random.Random
) -> None:
    shop = Installation(tmp_path / "home", more={"HUITOU_CURRENCY": "USD"})
    amounts = _converted(tmp_path / "cdnow.csv")

    with shop.up("--no-demo"):
        imported = shop.run(
            "import", "purchases", str(tmp_path / "cdnow.csv"), "--source", "cdnow", "--json", seconds_max=800
        )
        fitted = shop.run("fit", "bg_nbd", "--until", "1997-09-30", "--json")
        token = shop.run("token", "--role", "admin").stdout.strip()
        with httpx2.Client(headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
            found = {
                customer: _points_and_count(client, shop, customer)
                for customer in seeded.sample(sorted(amounts), LOOKED_AT)
            }

    report, model = json.loads(imported.stdout), json.loads(fitted.stdout)
    print(
        f"{PURCHASES} purchases: sent in {report['seconds']:.0f} s, settled after {report['settled_seconds']:.0f} s"
    )
    assert imported.returncode == Exit.DONE
    assert (report["imported"], report["refused"], len(amounts)) == (PURCHASES, 0, CUSTOMERS)
    assert {name: model[name] for name in PUBLISHED} == pytest.approx(PUBLISHED, abs=1e-3)
    assert model["customers"] == CUSTOMERS
    expected = {
        customer: (sum(a // 100 for a in amounts[customer]), len(amounts[customer])) for customer in found
    }
    assert found == expected
    assert report["settled_seconds"] <= SECONDS_MAX


def _points_and_count(client: httpx2.Client, shop: Installation, customer: str) -> tuple[int, int]:
    def ask(offset: int, path: str) -> httpx2.Response:
        return client.get(f"http://127.0.0.1:{shop.port_base + offset}{path}")

    customer_id = ask(1, f"/v1/customers/ext:{customer}").json()["id"]
    points = ask(2, f"/v1/members/{customer_id}").json()["points"]["active"]
    scores = ask(4, f"/v1/customers/{customer_id}/scores?as_of=1998-06-30").json()
    return points, scores["rfm"]["frequency"]
