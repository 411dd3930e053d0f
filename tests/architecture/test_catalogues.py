"""Every sentence in a catalogue exists in each language and is used by some module."""

import ast
import functools
import importlib
import re
from pathlib import Path

import pytest

from shared import catalogues
from tests.architecture.sources import PRODUCT, ROOT, python_sources

FOLDERS = sorted({file.parent for package in PRODUCT for file in (ROOT / package).rglob("words/*.toml")})


@pytest.fixture(scope="module")
def _every_module_is_imported() -> None:
    for source in python_sources():
        parts = source.path.with_suffix("").parts
        in_package = (ROOT / source.path).with_name("__init__.py").exists()  # revisions are in none
        if source.is_product and in_package and parts[-1] != "__main__":
            importlib.import_module(".".join(parts).removesuffix(".__init__"))


@pytest.mark.usefixtures("_every_module_is_imported")
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_catalogue_has_the_same_entries_in_each_language_and_each_is_used(folder: Path) -> None:
    catalogue = catalogues.read(folder)
    english, chinese = (catalogue.entries(language) for language in catalogues.LANGUAGES)

    assert english ^ chinese == set(), "entries that one language lacks"
    assert english - catalogue.used - _of_commands() == set(), "entries that no module uses"


@functools.cache
def _of_commands() -> set[str]:
    """Return the sentences that commands name. They are looked up when they are said."""
    return {
        f"commands.{node.value}"
        for source in python_sources()
        if source.is_product
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_there_are_catalogues() -> None:
    assert len(FOLDERS) > 5


COUNTED = re.compile(
    r"\{(?:count|records|rows|cells|lines|pending|behind|overdue|dead|queued|days|minutes|points\w*|max_length|min_length|quota|customers\w*)(?::\.0f)?\}"
    r" (?:[a-z]+ )?[a-z]+s\b"
)
"""A number before a word in the plural."""


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_no_sentence_has_a_plural_for_one(folder: Path) -> None:
    english = (folder / "en.toml").read_text(encoding="utf-8")

    assert COUNTED.findall(english) == []


OPTION = re.compile(r"(?<![-\w])--[a-z]")
"""An option of a command."""


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_no_refusal_names_an_option_of_a_command(folder: Path) -> None:
    """A refusal is answered over HTTP, where a request has parameters. Commands and issues are for operators at a terminal."""
    if folder == ROOT / "huitou/words":
        return
    named = [
        f"{language}: {table}.{name}"
        for language, tables in catalogues.read(folder).languages.items()
        for table, sentences in tables.items()
        for name, sentence in sentences.items()
        if table not in ("commands", "issues") and OPTION.search(sentence)
    ]

    assert named == []
