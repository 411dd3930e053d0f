"""Refusals and other sentences have words in each language, with the same placeholders."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from shared import catalogues
from shared.errors import FieldError

REFUSAL = """
from shared.errors import DomainError, Kind

class TooHeavy(DomainError):
    kind, code = Kind.INVALID, "too_heavy"
    constants = {"most": 30}
"""
ENGLISH = '[too_heavy]\ntitle = "Too heavy"\ndetail = "{weight} kg is more than {most}."\n'
CHINESE = '[too_heavy]\ntitle = "过重"\ndetail = "{weight} 公斤超过 {most} 公斤。"\n'


@pytest.fixture
def package(tmp_path: Path) -> Iterator[Path]:
    words = tmp_path / "scales" / "words"
    words.mkdir(parents=True)
    (words / "en.toml").write_text(ENGLISH)
    (words / "zh.toml").write_text(CHINESE, encoding="utf-8")
    yield words.parent
    for name in [name for name in sys.modules if name.startswith("scales")]:
        del sys.modules[name]


def imported(package: Path, name: str, text: str) -> ModuleType:
    """Import a module of the package `scales` from its text."""
    file = package.joinpath(*name.split(".")[1:]).with_suffix(".py")
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["scales.weighing", "scales.domain.weighing"])
def test_a_refusal_takes_its_sentences_from_the_nearest_catalogue(package: Path, name: str) -> None:
    refusal = imported(package, name, REFUSAL).TooHeavy

    assert refusal.title == ("Too heavy", "过重")
    assert refusal(weight=31).detail("en") == "31 kg is more than 30."
    assert refusal(weight=31).detail("zh") == "31 公斤超过 30 公斤。"


def test_a_refusal_without_words_in_a_language_cannot_be_defined(package: Path) -> None:
    (package / "words" / "zh.toml").write_text("")

    with pytest.raises(TypeError, match=r"TooHeavy.*too_heavy"):
        imported(package, "scales.weighing", REFUSAL)


def test_a_refusal_whose_languages_have_different_placeholders_cannot_be_defined(package: Path) -> None:
    (package / "words" / "zh.toml").write_text(CHINESE.replace("{weight}", "{mass}"), encoding="utf-8")

    with pytest.raises(TypeError, match="different placeholders"):
        imported(package, "scales.weighing", REFUSAL)


def test_a_module_with_no_catalogue_above_it_cannot_define_a_refusal(package: Path) -> None:
    (package / "words").rename(package.parent / "words")

    with pytest.raises(TypeError, match="no folder `words`"):
        imported(package, "scales.weighing", REFUSAL)


def test_a_module_that_names_an_unknown_sentence_cannot_be_imported(package: Path) -> None:
    text = 'from shared.catalogues import field_sentence\nLIGHT = field_sentence(__name__, "too_light")\n'

    with pytest.raises(catalogues.MissingWords, match=r"fields\.too_light"):
        imported(package, "scales.weighing", text)


def test_a_sentence_is_filled_in_every_language() -> None:
    sentence = catalogues.Sentence("too_light", "{weight} g is too little.", "{weight} 克太轻。")

    error = FieldError.of("/weight", sentence, weight=3)

    assert error == FieldError("/weight", "too_light", "3 g is too little.", "3 克太轻。")


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 rows are"), (1, "1 row is"), (2, "2 rows are"), (1.0, "1 row is")]
)
def test_a_number_has_the_word_that_goes_with_it(count: float, shown: str) -> None:
    assert catalogues.filled("{count:row is|rows are} left", {"count": count}) == f"{shown} left"
    assert catalogues.filled("还有 {count:.0f} 行", {"count": count}) == f"还有 {count:.0f} 行"
    assert catalogues.placeholders("{count:row is|rows are} left") == {"count"}


def test_a_constant_has_the_word_that_goes_with_it(package: Path) -> None:
    english = ENGLISH.replace("more than {most}", "more than {most:kilogram|kilograms}")
    (package / "words" / "en.toml").write_text(english)

    refusal = imported(package, "scales.weighing", REFUSAL).TooHeavy

    assert refusal(weight=31).detail("en") == "31 kg is more than 30 kilograms."


def test_a_reader_to_whom_no_values_are_shown_reads_the_plural() -> None:
    assert catalogues.with_names("{count:row|rows} of {name!r}") == "‹count› rows of ‹name›"
