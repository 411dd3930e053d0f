"""`make capability` writes a capability that passes the checks and its own tests."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.architecture.checkouts import copy_checkout, run
from tests.architecture.sources import ROOT
from tests.scaffold.capability import write_capability

BINARIES = Path(sys.executable).parent


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_new_capability_passes_the_checks_and_its_own_tests(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    ruff, lint_imports = str(BINARIES / "ruff"), str(BINARIES / "lint-imports")

    run(checkout, sys.executable, "-m", "tests.scaffold.capability", "loyalty", "gift_cards")

    run(checkout, ruff, "check", "-q", ".")
    run(checkout, ruff, "format", "--check", "-q", ".")
    run(checkout, lint_imports, "--no-logo", "--no-cache")
    run(checkout, sys.executable, "-m", "mypy", "services/loyalty/gift_cards", "tests/loyalty/gift_cards")
    run(checkout, sys.executable, "-m", "pytest", "-q", "-m", "not slow and not postgresql", "-p", "no:cacheprovider",
         "tests/loyalty/gift_cards", "tests/architecture/test_tidy.py", "tests/architecture/test_catalogues.py",
         "tests/architecture/test_documented.py")  # fmt: skip


@pytest.mark.parametrize(
    ("service", "name"), [("loyalty", "Gift"), ("nowhere", "gifts"), ("loyalty", "words"), ("loyalty", "")]
)
def test_a_name_that_cannot_be_used_is_refused(service: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "services/loyalty/words").mkdir(parents=True)
    (tmp_path / "services/loyalty/main.py").write_text("")

    with pytest.raises(ValueError, match=r"usage|exists"):
        write_capability(tmp_path, service, name)


@pytest.mark.parametrize(
    ("service", "name", "reason"),
    [
        pytest.param("loyalty", "settings", "exists already", id="a module of the service"),
        pytest.param("loyalty", "sheep", "not a plural", id="no plural"),
        pytest.param("loyalty", "s", "not a plural", id="one letter"),
        pytest.param("loyalty", "class", "something else", id="a keyword"),
        pytest.param("loyalty", "imports", "something else", id="one of them is a keyword"),
        pytest.param("loyalty", "lists", "something else", id="one of them is a built-in"),
        pytest.param("loyalty", "requests", "something else", id="a class that the files use"),
        pytest.param("loyalty", "records", "something else", id="a variable that the files use"),
        pytest.param("loyalty", "lots", "a table 'lot'", id="a table of the service"),
        pytest.param("profile", "customers", "a refusal 'customer_not_found'", id="a refusal of the service"),
        pytest.param("feedback", "complaints", "exists already", id="a capability of the service"),
    ],
)
def test_a_name_that_would_break_the_service_is_refused_before_anything_is_written(
    service: str, name: str, reason: str, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "services" / service, tmp_path / "services" / service)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(ValueError, match=reason):
        write_capability(tmp_path, service, name)

    assert sorted(tmp_path.rglob("*")) == before
