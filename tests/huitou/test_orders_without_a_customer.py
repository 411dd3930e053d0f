"""Orders of a file that name no customer are refused, or recorded as anonymous, as the command says."""

from pathlib import Path

import pytest

from huitou.exits import Refused
from huitou.imports.purchases import ANONYMOUS_TOO, PURCHASES
from tests.huitou.order_files import dry_run_of

HEADER = "order_id,customer,purchased_at,currency,sku,quantity,amount_minor"


def test_a_blank_customer_is_an_error_unless_it_may_be_anonymous(tmp_path: Path) -> None:
    path = tmp_path / "purchases.csv"
    rows = [(1, "ann"), (2, ""), (3, "  "), (4, "ann"), (4, "")]
    lines = [f"{order},{customer},2026-01-01T12:00:00Z,USD,cd,1,5" for order, customer in rows]
    path.write_text("\n".join([HEADER, *lines]))

    refused, taken = dry_run_of(path, PURCHASES), dry_run_of(path, ANONYMOUS_TOO)

    assert [(error.row, error.column, error.code) for error in refused.errors] == [
        (3, "customer", "customer_blank"), (4, "customer", "customer_blank"), (6, "customer", "differs_in_order"),
    ]  # fmt: skip
    assert (refused.refused, refused.anonymous) == (3, 0)
    assert "--anonymous" in refused.errors[0].detail("zh")
    assert "anonymous=true" not in refused.errors[0].detail("en")
    assert (taken.orders, taken.refused, taken.anonymous) == (4, 1, 2)


def test_a_file_without_the_column_names_nobody(tmp_path: Path) -> None:
    path = tmp_path / "purchases.csv"
    path.write_text(f"{HEADER.replace(',customer', '')}\n1,2026-01-01T12:00:00Z,USD,cd,1,5\n")

    report = dry_run_of(path, ANONYMOUS_TOO)

    assert (report.orders, report.refused, report.anonymous) == (1, 0, 1)
    with pytest.raises(Refused, match="it lacks customer"):
        dry_run_of(path, PURCHASES)
