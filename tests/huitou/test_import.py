"""`huitou import purchases`, run as a command against a running product."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from huitou.client import Product
from huitou.exits import Exit
from huitou.imports import checkpoint
from huitou.imports.checkpoint import Checkpoint
from huitou.imports.content import opened
from huitou.imports.purchases import PURCHASES
from huitou.settings import Settings
from shared.limits import LINE_AMOUNT_MAX
from tests.parts.installations import READY_SECONDS_MAX, Installation

pytestmark = pytest.mark.slow

HEADER = "order_id,customer,purchased_at,currency,sku,category,quantity,amount_minor"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    shop = Installation(tmp_path_factory.mktemp("import") / "home", more={"HUITOU_CURRENCY": "USD"})
    with shop.up("--no-demo"):
        yield shop


def _file(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def _set_aside(shop: Installation) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(shop.run("dead-letters", "list", "--json").stdout)
    return records


def _row(order: int, customer: str = "ann", amount: object = 500, at: str = "2026-01-05T12:00:00Z") -> str:
    return f"{order},{customer},{at},USD,cd,music,1,{amount}"


def _report(shop: Installation, *arguments: str) -> tuple[int, dict[str, Any]]:
    said = shop.run("import", "purchases", *arguments, "--json")
    assert said.stdout, said.stderr
    return said.returncode, json.loads(said.stdout)


def test_a_broken_row_is_reported_with_its_number_and_the_rest_is_imported(
    shop: Installation, tmp_path: Path
) -> None:
    rows = [
        _row(1), _row(1), _row(2, amount="12.50"), _row(3), "4,ann,half a row", _row(5, at="2026-01-05T12:00:00"),
        _row(6, at="2999-01-01T00:00:00Z"), _row(7, amount=-1), _row(8), "5000",
    ]  # fmt: skip
    file = _file(tmp_path / "mixed.csv", rows)

    checked = _report(shop, str(file), "--source", "mixed", "--dry-run")
    done = _report(shop, str(file), "--source", "mixed")

    for code, report in (checked, done):
        assert code == Exit.FAILED
        assert [error["row"] for error in report["errors"]] == [4, 6, 7, 8, 9, 11]
        assert (report["rows"], report["orders"], report["refused"]) == (10, 9, 6)
    assert checked[1]["imported"] == 0
    assert done[1]["imported"] == 3


def test_importing_again_changes_nothing(shop: Installation, tmp_path: Path) -> None:
    file = _file(tmp_path / "twice.csv", [_row(order, f"c{order % 7}") for order in range(50)])

    first = _report(shop, str(file), "--source", "twice")
    second = _report(shop, str(file), "--source", "twice")

    assert (first[0], first[1]["imported"], first[1]["repeated"]) == (Exit.DONE, 50, 0)
    assert (second[0], second[1]["imported"], second[1]["repeated"]) == (Exit.DONE, 0, 50)


def test_a_dry_run_counts_what_the_run_that_follows_counts(shop: Installation, tmp_path: Path) -> None:
    file = str(_file(tmp_path / "known.csv", [_row(1), _row(2), _row(3, amount=-1)]))
    more = str(_file(tmp_path / "more.csv", [_row(1), _row(2, amount=777), _row(4), _row(5)]))
    totals = ("orders", "new", "repeated", "refused", "errors")

    for path, counts in (
        (file, (3, 2, 0, 1)),
        (file, (3, 0, 2, 1)),
        (more, (4, 2, 1, 1)),
        (more, (4, 0, 3, 1)),
    ):
        _, checked = _report(shop, path, "--source", "known", "--dry-run")
        _, done = _report(shop, path, "--source", "known", "--no-wait")
        assert tuple(done[name] for name in totals[:4]) == counts
        assert [checked[name] for name in totals] == [done[name] for name in totals]
        assert (checked["asked"], checked["imported"], done["imported"]) == (True, 0, done["new"])


def test_a_dry_run_of_returns_knows_their_purchases(shop: Installation, tmp_path: Path) -> None:
    _report(shop, str(_file(tmp_path / "sold.csv", [_row(1), _row(2)])), "--source", "tried", "--no-wait")
    rows = [f"{name},{order},2026-01-06T12:00:00Z,1,1" for name, order in (("R1", 1), ("R2", 9), ("R3", 1))]
    file = tmp_path / "returns.csv"
    file.write_text("return_id,order_id,returned_at,line,quantity\n" + "\n".join(rows))

    tried, done = (
        json.loads(shop.run("import", "returns", str(file), "--source", "tried", "--json", *more).stdout)
        for more in (["--dry-run"], ["--no-wait"])
    )

    for report in (tried, done):
        assert (report["new"], report["waiting"], report["refused"]) == (1, 1, 1)
        assert [(error["row"], error["column"]) for error in report["errors"]] == [(4, "quantity")]
    _report(shop, str(_file(tmp_path / "late.csv", [_row(9)])), "--source", "tried", "--no-wait")
    assert _set_aside(shop) == [], "only the run has left a return that waited"


def test_a_dry_run_without_a_running_product_checks_the_file_and_says_so(tmp_path: Path) -> None:
    file, shop = _file(tmp_path / "a.csv", [_row(1), _row(2, amount="x")]), Installation(tmp_path / "home")

    _, report = _report(shop, str(file), "--source", "x", "--dry-run")
    said = shop.run("import", "purchases", str(file), "--source", "x", "--dry-run")

    assert (report["asked"], report["new"], report["refused"]) == (False, 1, 1)
    assert "was not asked" in said.stdout


def test_orders_without_a_customer_are_anonymous_if_the_command_says_so(
    shop: Installation, tmp_path: Path
) -> None:
    rows = [_row(1), _row(2, customer=""), _row(2, customer=""), _row(3, customer="")]
    file = [str(_file(tmp_path / "anonymous.csv", rows)), "--source", "anonymous", "--anonymous"]

    checked, done, again = _report(shop, *file, "--dry-run"), _report(shop, *file), _report(shop, *file)
    said = shop.run("import", "purchases", *file)

    assert [(code, report["anonymous"], report["refused"]) for code, report in (checked, done, again)] == [
        (Exit.DONE, 2, 0)
    ] * 3
    assert (done[1]["imported"], again[1]["repeated"]) == (3, 3)
    assert "2 of them without a customer" in said.stdout


def test_an_order_that_comes_again_with_other_content_is_refused_with_its_row(
    shop: Installation, tmp_path: Path
) -> None:
    _report(shop, str(_file(tmp_path / "one.csv", [_row(1), _row(2)])), "--source", "changed")

    code, report = _report(
        shop, str(_file(tmp_path / "two.csv", [_row(1), _row(2, amount=777)])), "--source", "changed"
    )

    assert code == Exit.FAILED
    assert [(error["row"], error["code"]) for error in report["errors"]] == [(3, "differs")] or report[
        "errors"
    ]
    assert (report["repeated"], report["refused"]) == (1, 1)


def test_the_dry_run_foresees_that_a_customer_would_have_too_much(shop: Installation, tmp_path: Path) -> None:
    rows = [_row(order, "rich", amount=LINE_AMOUNT_MAX) for order in range(101) for _ in range(10)]
    file = _file(tmp_path / "rich.csv", [*rows, _row(200, "rich")])

    checked = _report(shop, str(file), "--source", "rich", "--dry-run")
    done = _report(shop, str(file), "--source", "rich")

    assert checked[1]["errors"] == done[1]["errors"]
    assert [(error["row"], error["code"]) for error in done[1]["errors"]] == [
        (1002, "customer_total_too_large")
    ]
    assert [report["refused"] for _, report in (checked, done)] == [1, 1]
    assert done[1]["imported"] == 101


def test_an_import_that_was_killed_goes_on_where_it_was(shop: Installation, tmp_path: Path) -> None:
    orders = 6_000
    file = _file(tmp_path / "long.csv", [_row(order, f"c{order % 501}") for order in range(orders)])
    process = shop.started("import", "purchases", str(file), "--source", "long", "--no-wait")
    deadline = time.monotonic() + READY_SECONDS_MAX
    while not list((shop.home / "imports").glob("*.json")) and time.monotonic() < deadline:
        assert process.poll() is None, "it was over before it could be killed"
        time.sleep(0.01)  # a file of another process cannot be awaited
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    code, report = _report(shop, str(file), "--source", "long")

    assert code == Exit.DONE
    assert report["resumed_at_row"] > 2
    assert report["imported"] + report["repeated"] == orders
    assert not list((shop.home / "imports").glob("*.json"))


def test_rows_of_an_order_that_are_apart_are_one_order(shop: Installation, tmp_path: Path) -> None:
    rows = [_row(1, amount=500), _row(2), _row(1, amount=700), _row(3), _row(2), _row(3, amount=-1)]
    file = _file(tmp_path / "apart.csv", rows)

    checked = _report(shop, str(file), "--source", "apart", "--dry-run")
    done = _report(shop, str(file), "--source", "apart")

    assert checked[1]["errors"] == done[1]["errors"]
    assert [(error["row"], error["column"]) for error in done[1]["errors"]] == [(7, "amount_minor")]
    totals = [
        (report["orders"], report["repeated_in_file"], report["refused"]) for _, report in (checked, done)
    ]
    assert totals == [(4, 1, 1)] * 2
    assert (done[1]["imported"], done[1]["repeated"]) == (2, 1)
    with Product(Settings(home=shop.home, port_base=shop.port_base)) as product:
        page = product.call("profile", "GET", "/v1/purchases", query={"source": "apart"})
    assert {item["order_id"]: item["amount_minor"] for item in page["items"]} == {"1": 1200, "2": 500}


def test_what_was_refused_before_an_interruption_is_tried_again(shop: Installation, tmp_path: Path) -> None:
    file = _file(tmp_path / "again.csv", [_row(order) for order in range(1, 6)])
    with opened(str(file), PURCHASES.columns) as content:
        place = checkpoint.path_of(shop.home, content.digest, "purchases:again")
    checkpoint.write(place, Checkpoint(done=3, imported=2, refused=[2]))

    code, report = _report(shop, str(file), "--source", "again")

    assert code == Exit.DONE
    assert (report["resumed_at_row"], report["orders"], report["imported"]) == (5, 5, 5)
    with Product(Settings(home=shop.home, port_base=shop.port_base)) as product:
        page = product.call("profile", "GET", "/v1/purchases", query={"source": "again"})
    assert sorted(item["order_id"] for item in page["items"]) == ["2", "4", "5"]


def test_refusals_are_told_in_the_language_of_the_terminal(shop: Installation, tmp_path: Path) -> None:
    _report(shop, str(_file(tmp_path / "first.csv", [_row(1)])), "--source", "words")
    file = _file(tmp_path / "second.csv", [_row(1, amount=777), _row(2, amount=-5), _row(3, amount="x")])

    _, english = _report(shop, str(file), "--source", "words", "--language", "en")
    _, chinese = _report(shop, str(file), "--source", "words", "--language", "zh")

    assert [error["code"] for error in english["errors"]] == [error["code"] for error in chinese["errors"]]
    assert all(error["detail"].isascii() for error in english["errors"])
    assert not any(error["detail"].isascii() for error in chinese["errors"])


def test_returns_are_imported_and_those_before_their_purchases_wait(
    shop: Installation, tmp_path: Path
) -> None:
    _report(shop, str(_file(tmp_path / "bought.csv", [_row(1), _row(2)])), "--source", "back")
    rows = ["R1,1,2026-01-06T12:00:00Z,1,1", "R2,9,2026-01-06T12:00:00Z,1,1", "R3,2,2026-01-06T12:00:00Z,2,1"]
    file = tmp_path / "returns.csv"
    file.write_text("return_id,order_id,returned_at,line,quantity\n" + "\n".join(rows))

    first, second = (
        json.loads(shop.run("import", "returns", str(file), "--source", "back", "--json").stdout)
        for _ in range(2)
    )

    for report, imported, repeated in ((first, 1, 0), (second, 0, 1)):
        assert (report["imported"], report["repeated"], report["waiting"]) == (imported, repeated, 1)
        assert [(error["row"], error["column"]) for error in report["errors"]] == [(4, "line")]
    assert [record["awaits"] for record in _set_aside(shop)] == ["order:back/9"]
    _report(shop, str(_file(tmp_path / "late.csv", [_row(9)])), "--source", "back")
    assert _set_aside(shop) == []


def test_without_a_running_product_it_is_a_sentence(tmp_path: Path) -> None:
    file = _file(tmp_path / "a.csv", [_row(1)])

    stopped = Installation(tmp_path / "home").begin()

    said = stopped.run("import", "purchases", str(file), "--source", "x")

    assert said.returncode == Exit.NOT_RUNNING
    assert "huitou up" in said.stderr
    assert "Traceback" not in said.stderr


def test_what_was_set_aside_is_listed(shop: Installation) -> None:
    unknown = shop.run("dead-letters", "retry", "sad_00000000000000000000000000")

    assert _set_aside(shop) == []
    assert unknown.returncode == Exit.FAILED
    assert "No service has set aside" in unknown.stderr
