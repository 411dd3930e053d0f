"""The language of the person at the terminal, and sentences that know it."""

import os
from contextvars import ContextVar
from typing import Literal, Self

from shared import catalogues

Language = Literal["en", "zh"]

LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The variables that say the language of a terminal, the strongest first."""

_chosen: ContextVar[Language | None] = ContextVar("chosen_language", default=None)


class Words(str):
    """A sentence in English that knows its Chinese. Logs and documents have the English one."""

    zh: str

    def __new__(cls, en: str, zh: str) -> Self:
        """Make the sentence from its English and its Chinese text."""
        made = super().__new__(cls, en)
        made.zh = zh
        return made

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]  # copies need both texts
        """Return the texts that a copy is made of."""
        return str(self), self.zh


def choose(language: Language | None) -> None:
    """Speak this language from now on; None: that of the terminal."""
    _chosen.set(language)


def language() -> Language:
    """Return the language that was chosen, else that of the terminal by LC_ALL, LC_MESSAGES or LANG."""
    if chosen := _chosen.get():
        return chosen
    said_by = next((os.environ[name] for name in LOCALES if os.environ.get(name)), "")
    return "zh" if said_by.lower().startswith("zh") else "en"


def words(module: str, name: str, /, **values: object) -> Words:
    """Return a sentence for terminals from the catalogue nearest to a module, in both languages.

    A value that is `Words`, or an error with `Words`, is Chinese in the Chinese sentence.
    """
    return fill(catalogues.nearest(module), name, **values)


def fill(catalogue: catalogues.Catalogue, name: str, /, **values: object) -> Words:
    """Return a sentence for terminals of a catalogue with `values` in the place of its placeholders."""
    english, chinese = catalogue.sentence("commands", name)
    translated = {key: _chinese(value) for key, value in values.items()}
    return Words(catalogues.filled(english, values), catalogues.filled(chinese, translated, "zh"))


def spoken(text: object) -> str:
    """Return a text, or the sentence of an error, in the language of the person at the terminal."""
    return str(_chinese(text)) if language() == "zh" else str(text)


def _chinese(value: object) -> object:
    if isinstance(value, BaseException) and len(value.args) == 1:
        value = value.args[0]
    return value.zh if isinstance(value, Words) else value
