"""`make capability` writes a capability that passes the checks and its own tests."""

import sys
from pathlib import Path

import pytest

from tests.architecture.checkouts import copy_checkout, run
from tests.scaffold.capability import write_capability

BINARIES = Path(sys.executable).parent


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
