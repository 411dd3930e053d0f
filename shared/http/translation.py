"""The documents of a service in Chinese: each summary and description is looked up paragraph by paragraph.

The catalogues are files `document.zh.toml` in the folders `words`: the English paragraph, its line breaks as spaces, and its
Chinese. Of a table each cell is a paragraph. A test finds paragraphs without Chinese, and Chinese that no document needs.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from shared.http.components import FIELDS, VALUES
from shared.http.openapi import WHO

FILE = "document.zh.toml"
SHARED = Path(__file__).with_name("words") / FILE
TEXTS = ("summary", "description")
_BREAK = re.compile(r"\n[ \t]*\n")
_NUMBER = re.compile(r"\d[\d,]*")
_WORD = re.compile(r"[A-Za-z]")
_NAMES = re.compile(r"`[^`]*`|HUITOU_\w+")
"""The parts of a cell that are the same in every language."""
_CODE = re.compile(r"`([^`]*)`")
_SAME = frozenset({"identity_id"})

Sentences = Mapping[str, str]


def sentences(*files: Path) -> Sentences:
    """Return the Chinese of each English paragraph in these files; a file that does not exist has none."""
    return {english: chinese for file in files if file.exists() for english, chinese in _read(file).items()}


@cache
def _read(file: Path) -> Sentences:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def translated(document: Any, known: Sentences) -> Any:
    """Return a document with its summaries and descriptions in Chinese. A paragraph without Chinese stays English."""
    if isinstance(document, list):
        return [translated(item, known) for item in document]
    if not isinstance(document, dict):
        return document
    return {name: _member_translated(name, value, known) for name, value in document.items()}


def _member_translated(name: str, value: Any, known: Sentences) -> Any:
    if name == FIELDS and isinstance(value, dict):
        return {field: translated(schema, known) for field, schema in value.items()}
    if name in TEXTS and isinstance(value, str):
        return _in_chinese(value, known)
    return value if name in VALUES else translated(value, known)


def texts(document: Any) -> Iterator[str]:
    """Yield every paragraph of a document that has a Chinese form, as the catalogues name it."""
    if isinstance(document, list):
        for item in document:
            yield from texts(item)
    elif isinstance(document, dict):
        for name, value in document.items():
            if name == FIELDS and isinstance(value, dict):
                yield from texts(list(value.values()))
            elif name in TEXTS and isinstance(value, str):
                yield from (part for paragraph in _BREAK.split(value) for part in _parts(paragraph))
            elif name not in VALUES:
                yield from texts(value)


def code_words(text: str) -> list[str]:
    """Return the words of a text that stand as code: they are the same in each language."""
    return _CODE.findall(text)


def _in_chinese(text: str, known: Sentences) -> str:
    return "\n\n".join(_paragraph(paragraph, known) for paragraph in _BREAK.split(text))


def _paragraph(paragraph: str, known: Sentences) -> str:
    if not _is_table(paragraph):
        return known.get(_joined(paragraph), paragraph)
    return "\n".join(_row(row, known) for row in paragraph.strip().splitlines())


def _row(row: str, known: Sentences) -> str:
    cells = (cell.strip() for cell in row.strip().strip("|").split("|"))
    return f"| {' | '.join(_cell(cell, known) for cell in cells)} |"


def _cell(cell: str, known: Sentences) -> str:
    """Return a cell in Chinese. A number in it may differ between installations: the catalogue has `{}` in its place."""
    if (chinese := known.get(cell)) is not None:
        return chinese
    number = _NUMBER.search(cell)
    if number is None:
        return cell
    return known.get(_without_number(cell), cell).replace("{}", number[0])


def _without_number(cell: str) -> str:
    return _NUMBER.sub("{}", cell, count=1)


def _parts(paragraph: str) -> Iterable[str]:
    if not _is_table(paragraph):
        text = _joined(paragraph)
        if text.startswith(WHO["en"]):
            return []
        return [text] if _WORD.search(text) and text not in _SAME else []
    cells = (cell.strip() for row in paragraph.splitlines() for cell in row.strip().strip("|").split("|"))
    return [_without_number(cell) for cell in cells if _WORD.search(_NAMES.sub("", cell))]


def _is_table(paragraph: str) -> bool:
    return paragraph.lstrip().startswith("|")


def _joined(paragraph: str) -> str:
    return " ".join(paragraph.split())
