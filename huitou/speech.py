"""The sentences of the command, in the language of the person at the terminal."""

import os
from contextvars import ContextVar
from pathlib import Path

from shared import catalogues
from shared.http.language import Language

LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The variables that say the language of a terminal, the strongest first."""
WORDS = Path(__file__).parent / "words"

_chosen: ContextVar[Language | None] = ContextVar("chosen_language", default=None)


def choose(language: Language | None) -> None:
    """Speak this language from now on; None: that of the terminal."""
    _chosen.set(language)


def language() -> Language:
    """Return the language that was chosen, else that of the terminal by LC_ALL, LC_MESSAGES or LANG."""
    if chosen := _chosen.get():
        return chosen
    said_by = next((os.environ[name] for name in LOCALES if os.environ.get(name)), "")
    return "zh" if said_by.lower().startswith("zh") else "en"


def said(name: str, /, **values: object) -> str:
    """Return a sentence of the command's catalogue with `values` in the place of its placeholders."""
    english, chinese = catalogues.read(WORDS).sentence("commands", name)
    return (chinese if language() == "zh" else english).format_map(values)
