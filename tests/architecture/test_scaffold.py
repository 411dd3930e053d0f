"""`make capability` writes a capability that passes the checks and its own tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, all_sources
from tests.scaffold.capability import write_capability

BINARIES = Path(sys.executable).parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this checkout, in which a test may write."""
    for source in all_sources():
        target = tmp_path / source.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / source.path, target)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def _run(checkout: Path, *command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_new_capability_passes_the_checks_and_its_own_tests(checkout: Path) -> None:
    ruff, lint_imports = str(BINARIES / "ruff"), str(BINARIES / "lint-imports")

    _run(checkout, sys.executable, "-m", "tests.scaffold.capability", "loyalty", "gift_cards")

    _run(checkout, ruff, "check", "-q", ".")
    _run(checkout, ruff, "format", "--check", "-q", ".")
    _run(checkout, lint_imports, "--no-logo", "--no-cache")
    _run(checkout, sys.executable, "-m", "mypy", "services/loyalty/gift_cards", "tests/loyalty/gift_cards")
    _run(checkout, sys.executable, "-m", "pytest", "-q", "-m", "not slow and not postgresql", "-p", "no:cacheprovider",
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
