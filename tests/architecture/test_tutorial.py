"""The tutorial does what it says: its files are written, its changes applied and its commands run in a copy."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture import rules, style_rules
from tests.architecture.checkouts import copy_checkout, run
from tests.architecture.sources import ROOT, Source

BLOCK = re.compile(
    r"(?:^`(?P<path>[^`\n]+)`:\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
NEXT_PLACE = "@@\n"

INSTALLED = "-o .venv/dev.installed -o .venv/product.installed WORKERS="
"""Arguments of make: what is installed is not looked at again, and tests run in one process."""


@dataclass(frozen=True)
class Block:
    """A block of the tutorial: a file, changes of a file, or commands."""

    path: Path | None
    language: str
    text: str


def _blocks() -> list[Block]:
    text = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    return [
        Block(Path(match["path"]) if match["path"] else None, match["language"], match["text"])
        for match in BLOCK.finditer(text)
    ]


def _changed(path: Path, text: str, changes: str) -> str:
    """Return the text of a file after the changes of a block. Each place that it shows must be there once."""
    for place in changes.split(NEXT_PLACE):
        lines = [line or " " for line in place.splitlines()]
        before = "".join(f"{line[1:]}\n" for line in lines if line[0] in " -")
        after = "".join(f"{line[1:]}\n" for line in lines if line[0] in " +")
        assert text.count(before) == 1, f"{path} does not have this place once:\n{before}"
        text = text.replace(before, after)
    return text


def _check(checkout: Path, written: Mapping[Path, str]) -> None:
    """Run what `make check` runs; the rules of the house only for the files of the tutorial.

    Types are checked everywhere, because a file of the tutorial may break one that imports it.
    """
    code = [Source(path, text) for path, text in written.items() if path.suffix == ".py"]
    run(checkout, ".venv/bin/ruff", "format", "--check", "-q", ".")
    run(checkout, ".venv/bin/ruff", "check", "-q", ".")
    run(checkout, ".venv/bin/lint-imports", "--no-logo", "--no-cache")
    run(checkout, sys.executable, "-m", "mypy")
    run(checkout, sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider",
        "tests/architecture/test_catalogues.py", "tests/architecture/test_documented.py")  # fmt: skip
    for rule in (*rules.CODE_RULES, *rules.TEXT_RULES, *style_rules.STYLE_RULES):
        assert [(rule.name, source.path) for source in code if list(rule.check(source))] == []


def test_every_block_is_a_file_a_change_or_a_command() -> None:
    blocks = _blocks()

    assert len(blocks) > 15
    assert [block for block in blocks if (block.path is None) is not (block.language == "sh")] == []


def test_every_place_that_it_changes_is_there() -> None:
    """Found by `make check`, and not only when the whole is typed."""
    texts: dict[Path, str] = {}
    for block in _blocks():
        if block.path is None:
            continue
        if block.language != "diff":
            texts[block.path] = block.text
        elif block.path in texts or (ROOT / block.path).exists():  # what a command writes is not there yet
            text = texts.get(block.path) or (ROOT / block.path).read_text(encoding="utf-8")
            texts[block.path] = _changed(block.path, text, block.text)


@pytest.mark.long  # make test types the README
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_tutorial_can_be_typed(tmp_path: Path) -> None:
    checkout, written = copy_checkout(tmp_path), dict[Path, str]()
    for block in _blocks():
        if block.path is None:
            for command in block.text.splitlines():
                if command == "make check":
                    _check(checkout, written)
                else:
                    run(checkout, "sh", "-c", command.replace("make ", f"make {INSTALLED} "))
        elif block.language == "diff":
            file = checkout / block.path
            written[block.path] = _changed(block.path, file.read_text(encoding="utf-8"), block.text)
            file.write_text(written[block.path], encoding="utf-8")
        else:
            (checkout / block.path).parent.mkdir(parents=True, exist_ok=True)
            (checkout / block.path).write_text(block.text, encoding="utf-8")
            written[block.path] = block.text

    for path, text in written.items():
        assert (checkout / path).read_text(encoding="utf-8") == text, "make fix finds nothing to mend"
