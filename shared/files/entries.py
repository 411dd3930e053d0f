"""The entries of a file, such as purchases: each is made of the rows with its key, and checked before it is taken."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError, create_model

from shared.catalogues import field_sentence
from shared.errors import DomainError, FieldError
from shared.files.row_error import RowError
from shared.files.staging import Group, Sums
from shared.http.bodies import NUL_CHARACTER
from shared.http.validation import field_errors
from shared.limits import LINES_MAX
from shared.spelling import spelled

_DIFFERS_IN_ORDER = field_sentence(__name__, "differs_in_order")
_LINES_REPEATED = field_sentence(__name__, "lines_repeated")
_NOT_AN_INTEGER = field_sentence(__name__, "not_an_integer")
_MINOR_NOT_AN_INTEGER = field_sentence(__name__, "minor_not_an_integer", code="not_an_integer")
_TOO_MANY_LINES = field_sentence(__name__, "too_many_lines")

NAME_CHARACTERS_MAX = 40
"""Characters of a column's name that are repeated in a sentence."""

Cells = Mapping[str, str]
"""The cells of one row by their columns."""


class NotReadable(Exception):
    """A cell cannot be read. Its error says why."""

    def __init__(self, error: RowError) -> None:
        super().__init__(error.code)
        self.error = error


@dataclass(frozen=True, slots=True)
class Kind:
    """The description of a sort of file: its columns, and how its rows become a request."""

    plural: str
    key: str
    """The column of its id."""
    required: tuple[str, ...]
    one_of: tuple[tuple[str, ...], ...]
    """Groups of columns of which a file has exactly one."""
    optional: tuple[str, ...]
    of_the_whole: tuple[str, ...]
    """Columns that have the same value on every row of a key."""
    model: type[BaseModel]
    """The model of its request."""
    head: Callable[[int, Cells, str], dict[str, Any]]
    """Makes the request without its lines, from a first row, its number and the source. Raises NotReadable."""
    line: Callable[[int, Cells], dict[str, Any]] | None
    """Makes one line of the request from a row and its number. Raises NotReadable. None: an entry is one row and has no lines."""
    related_by: str | None = None
    """The column of what entries share that change the outcome of each other; None if no entries do."""
    rules: Callable[[Any], None] | None = None
    """Checks the rules of the product that need no stored data; None: the one who records checks them. Raises DomainError."""
    foresee: Callable[[Mapping[str, Any], Sums], None] = lambda body, sums: None
    """Checks a request by those before it in the file, and adds it to them. Raises DomainError."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All names that a header may have."""
        return (*self.required, *(name for names in self.one_of for name in names), *self.optional)

    def spelling(self, column: str | None = None) -> Callable[[str], str]:
        """Return the function that brings an id into the spelling in which the product compares it; None means the key."""
        declared = self.model.model_fields[column or self.key]
        annotation: Any = declared.annotation  # a type that is only known when it runs
        probe = create_model("Probe", id=(annotation, declared))

        def in_one_spelling(text: str) -> str:
            try:
                return str(probe(id=text).model_dump()["id"])
            except ValidationError:
                return text

        return in_one_spelling


@dataclass(slots=True)
class Entry:
    """One entry of the file, such as a purchase: its place among them, its request, the numbers of its rows, and its errors."""

    position: int
    body: dict[str, Any]
    rows: list[int]
    errors: list[RowError] = field(default_factory=list)
    related: str = ""
    """The name of what it shares with other entries; its own key if it shares nothing."""


@dataclass(frozen=True, slots=True)
class HeaderFault:
    """A fault of the first row: the name of the sentence that says it, and the columns that it is about."""

    reason: str
    names: tuple[str, ...]


def read_header(header: Sequence[str], kind: Kind) -> tuple[list[str], list[HeaderFault]]:
    """Return the columns that a first row names, and its faults: columns that are missing, unknown, or named twice."""
    columns = [name.strip().lower() for name in header]
    faults = [
        HeaderFault("column_named_twice", (name,))
        for name in dict.fromkeys(columns)
        if columns.count(name) > 1
    ]
    if missing := tuple(name for name in kind.required if name not in columns):
        faults.append(HeaderFault("column_lacks", missing))
    faults += [
        HeaderFault("column_must_be_one_of", names)
        for names in kind.one_of
        if len([name for name in names if name in columns]) != 1
    ]
    for name in columns:
        if name not in kind.columns:
            close = get_close_matches(name, kind.columns, n=1)
            reason = "column_did_you_mean" if close else "column_unknown"
            faults.append(HeaderFault(reason, (name[:NAME_CHARACTERS_MAX], *close)))
    return columns, faults


def key_of(columns: Sequence[str], kind: Kind) -> Callable[[list[str]], str | None]:
    """Return the function that reads the id of a row in its only spelling."""
    return _reader(columns, kind, kind.key)


def related_of(columns: Sequence[str], kind: Kind) -> Callable[[list[str]], str | None]:
    """Return the function that reads from a row what its entry shares with other entries; None if it shares nothing."""
    if kind.related_by is None:
        return lambda _: None
    return _reader(columns, kind, kind.related_by)


def _reader(columns: Sequence[str], kind: Kind, column: str) -> Callable[[list[str]], str | None]:
    at, spelling = columns.index(column), kind.spelling(column)

    def read_key(cells: list[str]) -> str | None:
        return spelling(cells[at].strip('"')) if len(cells) > at else None

    return read_key


def entry_of(group: Group, kind: Kind, columns: Sequence[str], source: str) -> Entry:
    """Make the request of a group of rows, and check it with the product's own model and rules.

    An error in any row is an error of the whole. `group` has its first LINES_MAX rows at least.
    """
    entry = Entry(group.position, {}, [row.number for row in group.rows], related=group.related)
    entry.errors += [row.error for row in group.rows if row.error is not None]
    if group.rows_count > LINES_MAX:
        entry.errors.append(
            RowError.of(
                entry.rows[0], kind.key, _TOO_MANY_LINES, key=kind.key, rows=group.rows_count, limit=LINES_MAX
            )
        )
    if entry.errors:
        return entry
    rows = [dict(zip(columns, row.cells, strict=True)) for row in group.rows]
    entry.errors += [*_unsendable(entry.rows, rows), *_differences(entry.rows, rows, kind)]
    try:
        entry.body = kind.head(entry.rows[0], rows[0], source)
    except NotReadable as unreadable:
        entry.errors.append(unreadable.error)
    if kind.line is not None:
        lines = _add_lines(entry, rows, kind.line)
        if len(lines) == len(rows):
            entry.errors += _repetitions(group, lines, kind)
    if not entry.errors:
        entry.errors += faults_of(entry, kind, columns, _faults(entry.body, kind))
    return entry


def _add_lines(
    entry: Entry, rows: Sequence[Cells], read_line: Callable[[int, Cells], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Put the lines of an entry into its request, as many as can be read, and return them."""
    lines: list[dict[str, Any]] = []
    for number, row in zip(entry.rows, rows, strict=True):
        try:
            lines.append(read_line(number, row))
        except NotReadable as unreadable:
            entry.errors.append(unreadable.error)
    entry.body |= {"lines": lines}
    return lines


def foreseen(entry: Entry, kind: Kind, columns: Sequence[str], sums: Sums) -> list[RowError]:
    """Return the faults that the product would find in an entry after those before it, which `sums` knows."""
    try:
        kind.foresee(entry.body, sums)
    except DomainError as error:
        return faults_of(entry, kind, columns, _fields(error))
    return []


def faults_of(
    entry: Entry, kind: Kind, columns: Sequence[str], faults: Iterable[FieldError]
) -> list[RowError]:
    """Return the faults of an entry's request with the row and the column of each."""
    errors = []
    for fault in faults:
        row, name = _place(entry, fault.pointer)
        others = next((names for names in kind.one_of if name in names), ())
        column = next((alternative for alternative in others if alternative in columns), name)
        errors.append(RowError(row, column, fault.code, fault.en, fault.zh))
    return errors


def integer(number: int, column: str, text: str) -> int:
    """Return a whole number. Raises NotReadable."""
    digits = text.strip()
    try:
        if digits.isascii() and digits.removeprefix("-").isdigit():
            return int(digits)
    except ValueError:  # more digits than Python converts
        pass
    sentence = _MINOR_NOT_AN_INTEGER if column == "amount_minor" else _NOT_AN_INTEGER
    raise NotReadable(RowError.of(number, column, sentence))


def _differences(numbers: Sequence[int], rows: Sequence[Cells], kind: Kind) -> list[RowError]:
    return [
        RowError.of(number, name, _DIFFERS_IN_ORDER, key=kind.key)
        for number, row in zip(numbers, rows, strict=True)
        for name in kind.of_the_whole
        if row.get(name) != rows[0].get(name)
    ]


def _unsendable(numbers: Sequence[int], rows: Sequence[Cells]) -> list[RowError]:
    """Return an error for each cell for which the product would refuse all that is sent with it."""
    return [
        RowError.of(number, name, NUL_CHARACTER)
        for number, row in zip(numbers, rows, strict=True)
        for name, cell in row.items()
        if "\x00" in cell
    ]


def _repetitions(group: Group, lines: Sequence[Mapping[str, Any]], kind: Kind) -> list[RowError]:
    """Return an error for each row whose line its key has already in another place of the file, however it is spelled."""
    seen: dict[tuple[tuple[str, str], ...], int | None] = {}
    return [
        RowError.of(row.number, kind.key, _LINES_REPEATED, key=kind.key)
        for row, line in zip(group.rows, lines, strict=True)
        if seen.setdefault(_spelled_line(line), row.block) != row.block
    ]


def _spelled_line(line: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, spelled(str(value))) for name, value in line.items())


def _faults(body: dict[str, Any], kind: Kind) -> Sequence[FieldError]:
    try:
        request = kind.model.model_validate(body)
        if kind.rules is not None:
            kind.rules(request)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        return field_errors(({**fault, "loc": ("body", *fault["loc"])} for fault in faults), body, kind.model)
    except DomainError as error:
        return _fields(error)
    return ()


def _fields(refusal: DomainError) -> Sequence[FieldError]:
    return refusal.errors or [FieldError("", refusal.code, refusal.detail("en"), refusal.detail("zh"))]


def _place(entry: Entry, pointer: str) -> tuple[int, str]:
    """Return the row and the field that a pointer into the request means."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    match parts:
        case ["lines", at, *rest] if at.isdigit() and int(at) < len(entry.rows):
            return entry.rows[int(at)], rest[0] if rest else ""
        case [str(name), *_]:
            return entry.rows[0], name
    return entry.rows[0], ""
