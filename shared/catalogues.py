"""Read the sentences of a package from its catalogues `words/en.toml` and `words/zh.toml`.

A catalogue has three kinds of entries:

    [insufficient_points]                  # a refusal, by its code
    title = "Not enough points"
    detail = "The member has {available} points."

    [fields]                               # sentences about one field of a request
    line_unknown = "The purchase has no such line."

    [issues]                               # sentences about the health of a service
    bus_away = "The event bus does not answer."

    [commands]                             # sentences of commands for a terminal
    nothing_lost = "Nothing is lost."

A placeholder `{count:record|records}` shows the number with the word that goes with it: "1 record", "2 records". A value
that is a list or a tuple of words is shown with the commas of the language between them.

A module uses the catalogues in the nearest folder `words` above it. Both languages have the same entries with the same
placeholders. Code that names an entry that is missing in a language cannot be imported.
"""

import string
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

LANGUAGES = ("en", "zh")
SECTIONS = ("fields", "issues", "commands")
COMMAS = {"en": ", ", "zh": "、"}
"""The text between the words of a list."""

Section = Literal["fields", "issues", "commands"]
Texts = tuple[str, str]
"""A text in English and in Chinese."""


class MissingWords(Exception):
    """A sentence is missing in a language, or its languages use different placeholders."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with a stable code, in English and in Chinese."""

    code: str
    en: str
    zh: str

    def filled(self, **values: object) -> Self:
        """Return the sentence with `values` in the place of its placeholders."""
        return type(self)(self.code, filled(self.en, values), filled(self.zh, values, "zh"))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The sentences of one folder `words` in both languages."""

    folder: Path
    languages: Mapping[str, Mapping[str, Mapping[str, str]]]
    used: set[str] = field(default_factory=set)
    """Names of the entries that some module uses; a test finds the others."""

    def refusal(self, code: str) -> tuple[Texts, Texts]:
        """Return the title and the detail of a refusal. Raises MissingWords."""
        return self._texts(code, "title"), self._texts(code, "detail")

    def sentence(self, section: Section, name: str) -> Texts:
        """Return a sentence of one of the sections. Raises MissingWords."""
        return self._texts(section, name)

    def entries(self, language: str) -> set[str]:
        """Return the names of all entries of a language: a refusal's code, or a section and a name."""
        tables = self.languages[language]
        refusals = {code for code in tables if code not in SECTIONS}
        return refusals | {f"{section}.{name}" for section in SECTIONS for name in tables.get(section, {})}

    def _texts(self, table: str, name: str) -> Texts:
        self.used.add(f"{table}.{name}" if table in SECTIONS else table)
        try:
            english, chinese = (self.languages[language][table][name] for language in LANGUAGES)
        except KeyError as missing:
            raise MissingWords(f"{self.folder} has no {table}.{name} in every language: {missing}") from None
        if placeholders(english) != placeholders(chinese):
            raise MissingWords(f"{self.folder}: {table}.{name} uses different placeholders in its languages")
        return english, chinese


def nearest(module: str) -> Catalogue:
    """Return the catalogue in the nearest folder `words` above a module that is being imported."""
    file = sys.modules[module].__file__
    assert file is not None, f"{module} is read from a file"
    packages = module.count(".") + (Path(file).name == "__init__.py")
    for folder in list(Path(file).parents)[:packages]:
        if (folder / "words").is_dir():
            return read(folder / "words")
    raise MissingWords(f"There is no folder `words` above {module}.")


@cache
def read(folder: Path) -> Catalogue:
    """Read the catalogues of a folder, once in the life of the process."""
    return Catalogue(folder, {language: _tables(folder / f"{language}.toml") for language in LANGUAGES})


def field_sentence(module: str, name: str, *, code: str | None = None) -> Sentence:
    """Return a sentence about a field. `code` is given where several sentences share one code."""
    return Sentence(code or name, *nearest(module).sentence("fields", name))


def filled(template: str, values: Mapping[str, object], language: str = "en") -> str:
    """Return a template in a language with `values` in the place of its placeholders."""
    shown = {name: _listed(value, language) for name, value in values.items()}
    if "|" not in template:
        return template.format_map(shown)
    return _COUNTING.vformat(template, (), shown)


def _listed(value: object, language: str) -> object:
    return COMMAS[language].join(map(str, value)) if isinstance(value, list | tuple) else value


@cache
def with_names(template: str) -> str:
    """Return a template whose placeholders are their names in ‹…›, for a reader to whom no values are shown."""
    parts = string.Formatter().parse(template)
    return "".join(
        text if name is None else f"{text}‹{name}›{_several(spec)}" for text, name, spec, _ in parts
    )


def _several(format_spec: str | None) -> str:
    _, bar, several = (format_spec or "").partition("|")
    return f" {several}" if bar else ""


class _Counting(string.Formatter):
    """A formatter that chooses between the words for one and for several things."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return the value in its format, or the number with the word that goes with it."""
        one, bar, several = format_spec.partition("|")
        if bar:
            number = f"{value:.0f}" if isinstance(value, float) else str(value)
            return f"{number} {one if number == '1' else several}"
        return str(super().format_field(value, format_spec))


_COUNTING = _Counting()


def placeholders(template: str) -> set[str]:
    """Return the names in braces that a template asks for."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def _tables(file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        return tomllib.load(stream)
