"""The reason why a row of a file cannot be taken."""

from dataclasses import dataclass
from typing import Self

from shared.catalogues import Sentence


@dataclass(frozen=True, slots=True)
class RowError:
    """The reason why a row, and so everything of its key, is not taken. `row` is the line of the file where it begins."""

    row: int
    column: str
    code: str
    en: str
    zh: str

    @classmethod
    def of(cls, row: int, column: str, sentence: Sentence, **values: object) -> Self:
        """Make the error of a row from a sentence of a catalogue and the values of its placeholders."""
        filled = sentence.filled(**values)
        return cls(row, column, filled.code, filled.en, filled.zh)

    def detail(self, language: str) -> str:
        """Return the sentence in the language `en` or `zh`."""
        return self.zh if language == "zh" else self.en
