"""The READMEs show commands and answers: the commands are typed here, and the answers compared."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.parts.answers import differences, fits
from tests.parts.installations import Installation, has_curl
from tests.parts.stacks import ROOT

FENCE = re.compile(r"^```(sh|json|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BETWEEN = "@@ next block @@"
FIRST_PORT = 8000
PORTS = 5
WALK_SECONDS_MAX = 120


@dataclass(frozen=True)
class Block:
    """Commands of a page, and the answer that the page shows below them; an empty answer is not compared."""

    commands: str
    answer: str = ""

    def differences(self, printed: str) -> list[str]:
        """Return where the printed text is not what the page says."""
        if not self.answer:
            return []
        if self.answer.startswith("{"):
            return list(differences(json.loads(self.answer), json.loads(printed)))
        return [] if fits(self.answer.strip(), printed.strip()) else [f"{printed!r} is not {self.answer!r}"]


def _blocks(name: str) -> list[Block]:
    """Return the blocks of commands of a page, each with the answer that follows it."""
    blocks: list[Block] = []
    for language, text in FENCE.findall((ROOT / name).read_text(encoding="utf-8")):
        if language == "sh":
            blocks.append(Block(text))
        else:
            blocks[-1] = Block(blocks[-1].commands, blocks[-1].answer + text)
    return blocks


def test_both_languages_have_the_same_commands_and_answers() -> None:
    assert _blocks("README.md") == _blocks("README.zh-CN.md")


def _differences(expected: JsonValue, answered: JsonValue) -> list[str]:
    return list(differences(expected, answered))


def test_answers_that_differ_are_found() -> None:
    expected: JsonValue = {"id": "pur_…", "points": 36, "lines": [{"at": "…"}]}

    assert _differences(expected, {"id": "pur_1", "points": 36, "lines": [{"at": 5}], "more": 1}) == []
    assert _differences(expected, {"id": "ret_1", "points": True, "lines": []}) == [
        "answer.id is 'ret_1', not 'pur_…'",
        "answer.points is True, not 36",
        "answer.lines is [], not [{'at': '…'}]",
    ]
    assert _differences(expected, {"id": "pur_1", "lines": [{}]}) == [
        "answer has no 'points'",
        "answer.lines[0] has no 'at'",
    ]


@pytest.mark.slow
@pytest.mark.skipif(not has_curl(), reason="curl is not installed")
def test_the_walk_through_can_be_typed(tmp_path: Path) -> None:
    first, *blocks = _blocks("README.md")
    shop = Installation(tmp_path / "home", more={"HUITOU_CURRENCY": "USD"})
    script = f"\nprintf '\\n{BETWEEN}\\n'\n".join(
        ["set -euo pipefail", *(block.commands for block in blocks)]
    ).replace("$PWD/.venv", str(ROOT / ".venv"))
    for offset in range(PORTS):
        script = script.replace(f":{FIRST_PORT + offset}/", f":{shop.port_base + offset}/")

    with shop.up("--no-demo"):  # the first block, without waiting for the demo
        typed = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path, env=shop.environment, capture_output=True, text=True, timeout=WALK_SECONDS_MAX, check=False,
        )  # fmt: skip

    assert first == Block("make up\n")
    assert typed.returncode == 0, typed.stdout[-2000:] + typed.stderr[-2000:]
    _, *printed = typed.stdout.split(BETWEEN)
    differing = [
        difference
        for block, text in zip(blocks, printed, strict=True)
        for difference in block.differences(text)
    ]
    assert differing == []
    assert '"settled"' in typed.stdout
    assert "Everything adds up." in typed.stdout
    assert '"status":4' not in typed.stdout
    assert '"active":36' in typed.stdout
