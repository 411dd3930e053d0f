"""A page of the reference has a title, a sentence and sections in Markdown. Both forms of a page are made from them."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.console.merging import Part
from services.console.reference.words import WORDS
from shared.http.language import Language

ROOT = "/reference"
_LINK = re.compile(rf"\]\(({ROOT}/[^)#\s]+)")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page that can be linked to by its anchor, which is the same in every language."""

    anchor: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the reference in one language."""

    path: str
    """The place of the page below the language, such as `operations/record_purchase`; empty for the first page."""
    title: str
    summary: str
    group: str = ""
    """The heading under which lists of pages name it."""
    sections: Sequence[Section] = ()
    about: Sequence[str] = ()
    """Short facts that stand below the title, each behind its name."""

    def markdown(self) -> str:
        """Return the page as Markdown, whose links lead to pages in Markdown."""
        return _LINK.sub(r"](\1.md", self.text(heading=True))

    def text(self, *, heading: bool) -> str:
        """Return the page as Markdown with links to pages in HTML. Without the heading it begins with the summary."""
        facts = "\n".join(f"* {fact}" for fact in self.about)
        parts = [f"# {self.title}" if heading else "", self.summary, facts]
        for section in self.sections:
            parts += [f"## {section.title}", section.body]
        return "\n\n".join(part for part in parts if part) + "\n"


def address(language: Language, *place: str) -> str:
    """Return the address of a page."""
    return "/".join([ROOT, language, *place])


def link(text: str, language: Language, *place: str) -> str:
    """Return a link to another page."""
    return f"[{text}]({address(language, *place)})"


def code(text: object) -> str:
    """Return a word as code."""
    return f"`{text}`"


def block(text: str, kind: str = "") -> str:
    """Return lines as a block of code."""
    return f"```{kind}\n{text}\n```"


def as_json(value: object) -> str:
    """Return a value as a block of JSON; a text that is no JSON, such as a file, as it is."""
    if isinstance(value, str):
        return block(value.rstrip())
    return block(json.dumps(value, ensure_ascii=False, indent=2), "json")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or nothing if there are no rows."""
    lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}", *lines])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def fields(language: Language, schema: Mapping[str, Part], schemas: Mapping[str, Part]) -> str:
    """Return a table of all fields of a schema, also of the objects in it. What several branches of a union have stands once."""
    words = WORDS[language]
    rows = [
        (code(name), kind + (f" · {words['required']}" if required else ""), text)
        for name, kind, required, text in dict.fromkeys(_rows(language, schema, schemas, "", ()))
    ]
    return table((words["field"], words["type"], words["meaning"]), rows)


Row = tuple[str, str, bool, str]


def _rows(
    language: Language,
    schema: Mapping[str, Part],
    schemas: Mapping[str, Part],
    prefix: str,
    above: Sequence[str],
) -> Iterable[Row]:
    """Yield a row for each field. An object that holds itself is shown once: `above` are the names of the objects around."""
    name, schema = followed(schema, schemas)
    if name in above:
        return
    inside = (*above, *([name] if name else []))
    for branch in _branches(schema):
        yield from _rows(language, branch, schemas, prefix, inside)
    if schema.get("type") == "array":
        yield from _rows(language, schema.get("items", {}), schemas, f"{prefix}[]", inside)
    required = schema.get("required", ())
    for field_name, inner in schema.get("properties", {}).items():
        path = f"{prefix}.{field_name}".lstrip(".")
        yield path, type_of(language, inner, schemas), field_name in required, _described(inner, schemas)
        yield from _rows(language, inner, schemas, path, inside)


def followed(schema: Mapping[str, Part], schemas: Mapping[str, Part]) -> tuple[str, Mapping[str, Part]]:
    """Return the name and the schema that a reference leads to; a schema without a reference has no name."""
    if "$ref" not in schema:
        return "", schema
    name = str(schema["$ref"]).rpartition("/")[2]
    return name, schemas.get(name, {})


def _branches(schema: Mapping[str, Part]) -> Sequence[Mapping[str, Part]]:
    every = [branch for word in ("anyOf", "oneOf", "allOf") for branch in schema.get(word, ())]
    return [branch for branch in every if branch.get("type") != "null"]


def _described(schema: Mapping[str, Part], schemas: Mapping[str, Part]) -> str:
    """Return the sentence of a field: its own, or that of what it holds."""
    if text := schema.get("description"):
        return str(text)
    inner = [schema, *_branches(schema), schema.get("items", {})]
    found = (followed(part, schemas)[1].get("description") for part in inner)
    return next((str(text) for text in found if text), "")


def type_of(language: Language, schema: Mapping[str, Part], schemas: Mapping[str, Part]) -> str:
    """Return the type of a value in a few words, with its limits."""
    words = WORDS[language]
    _, schema = followed(schema, schemas)
    if branches := _branches(schema):
        kinds = dict.fromkeys(type_of(language, branch, schemas) for branch in branches)
        return f" {words['or']} ".join([*kinds, *(["null"] if _may_be_null(schema) else [])])
    if "enum" in schema or "const" in schema:
        return words["comma"].join(code(value) for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "")
    if kind == "array":
        return f"{words['list']} {type_of(language, schema.get('items', {}), schemas)}".rstrip()
    if isinstance(kind, list):
        return f" {words['or']} ".join(words.get(name, name) for name in kind)
    limits = _limits(schema)
    shown = words.get(kind, kind)
    if schema.get("format") in ("date-time", "date"):
        shown = words[schema["format"]]
    return f"{shown} {limits}".rstrip()


def _limits(schema: Mapping[str, Part]) -> str:
    lowest, highest = (
        schema.get("minimum", schema.get("minLength")),
        schema.get("maximum", schema.get("maxLength")),
    )
    if lowest is None and highest is None:
        return ""
    return f"{'' if lowest is None else lowest}…{'' if highest is None else highest}"


def _may_be_null(schema: Mapping[str, Part]) -> bool:
    return any(branch.get("type") == "null" for word in ("anyOf", "oneOf") for branch in schema.get(word, ()))
