"""What the READMEs tell a reader to type is typed here."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.huitou.running import ROOT, Installation, has_curl

FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIRST_PORT = 8000
PORTS = 5
WALK_SECONDS_MAX = 120


def _commands(name: str) -> list[str]:
    return FENCE.findall((ROOT / name).read_text(encoding="utf-8"))


def test_both_languages_have_the_same_commands() -> None:
    assert _commands("README.md") == _commands("README.zh-CN.md")


def test_every_file_that_a_page_links_to_is_there() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]

    assert broken == []


@pytest.mark.slow
@pytest.mark.skipif(not has_curl(), reason="curl is not installed")
def test_the_walk_through_can_be_typed(tmp_path: Path) -> None:
    first, *blocks = _commands("README.md")
    shop = Installation(tmp_path / "home", more={"HUITOU_CURRENCY": "USD"})
    script = "\n".join(["set -euo pipefail", *blocks]).replace("$PWD/.venv", str(ROOT / ".venv"))
    for offset in range(PORTS):
        script = script.replace(f":{FIRST_PORT + offset}/", f":{shop.port_base + offset}/")

    with shop.up("--no-demo"):  # the first block, without waiting for the demo
        typed = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path, env=shop.environment, capture_output=True, text=True, timeout=WALK_SECONDS_MAX, check=False,
        )  # fmt: skip

    assert first == "make up\n"
    assert typed.returncode == 0, typed.stdout[-2000:] + typed.stderr[-2000:]
    assert '"active":36' in typed.stdout
    assert '"settled"' in typed.stdout
    assert "Everything adds up." in typed.stdout
    assert '"status":4' not in typed.stdout
