"""The sentences of the command, in the language of the person at the terminal."""

from pathlib import Path

from shared import catalogues
from shared.speech import LOCALES, Language, choose, fill, language, spoken

__all__ = ["LOCALES", "WORDS", "Language", "choose", "language", "said", "spoken"]

WORDS = Path(__file__).parent / "words"


def said(name: str, /, **values: object) -> str:
    """Return a sentence of the command's catalogue with `values` in the place of its placeholders."""
    return spoken(fill(catalogues.read(WORDS), name, **values))
