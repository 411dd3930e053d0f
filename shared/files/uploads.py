"""Read a CSV file that a request brought: look at it at once, and part it into pieces of some hundred orders in a job."""

import asyncio
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from pydantic import TypeAdapter

from shared.catalogues import Sentence, field_sentence
from shared.errors import DomainError, FieldError
from shared.errors import Kind as Refusal
from shared.files import entries, staging
from shared.files.content import (
    BY_BYTES,
    HEADER_BYTES_MAX,
    Content,
    NotCsv,
    codec,
    encoding_of,
    separator_of,
)
from shared.files.entries import HeaderFault, Kind
from shared.files.parting import Parting
from shared.files.rows import Row, read_rows
from shared.files.staging import INSERTED_AT_ONCE, Group, KeyedRow, Staged
from shared.limits import LINES_MAX
from shared.pacing import paced

MEDIA_TYPE = "text/csv"
RAW_PIECE_BYTES = 256 * 1024
"""Bytes of one piece of a file that is not read yet."""
GROUPS = TypeAdapter(list[Group])


class FileRefused(DomainError):
    """The file cannot be read as CSV with the columns that it must have."""

    kind, code = Refusal.INVALID, "file_refused"


class CsvExpected(DomainError):
    """The body has another media type than CSV."""

    kind, code = Refusal.UNSUPPORTED, "csv_expected"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was read as far as its rows are grouped. The cells are not looked at yet."""

    columns: list[str]
    orders: int
    pieces: list[str]
    """Groups of rows as JSON."""


def must_be_csv(content_type: str) -> None:
    """Raise CsvExpected unless a header Content-Type names CSV. Its charset is not looked at: the bytes decide."""
    if content_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise CsvExpected


async def look_at(content: bytes, kind: Kind, encoding: str | None) -> None:
    """Raise FileRefused unless the encoding of a file is clear and its first row names the columns that it must have."""
    await _opened(content, kind, encoding)


def raw_pieces(content: bytes) -> list[str]:
    """Return a file in pieces of text, each character of which stands for a byte."""
    return [
        content[start : start + RAW_PIECE_BYTES].decode("latin-1")
        for start in range(0, len(content), RAW_PIECE_BYTES)
    ]


def joined(pieces: Sequence[str]) -> bytes:
    """Return the file that was parted by `raw_pieces`."""
    return b"".join(piece.encode("latin-1") for piece in pieces)


async def read_upload(content: bytes, kind: Kind, encoding: str | None = None) -> Upload:
    """Read a file, and let other tasks run in between: it takes about 30 µs a row. `encoding` None: it is recognised.

    Raises FileRefused.
    """
    rows, columns = await _opened(content, kind, encoding)
    async with staging.opened_with_thread() as staged:
        keyed = staging.keyed_rows(rows, entries.key_of(columns, kind), entries.related_of(columns, kind))
        some: list[KeyedRow] = []
        async for keyed_row in paced(keyed):
            some.append(keyed_row)
            if len(some) == INSERTED_AT_ONCE:
                staged.add(some)
                some = []
        staged.add(some)
        grouped = await staged.group_beside()
        return Upload(columns, grouped.groups, await _pieces(grouped))


async def _opened(content: bytes, kind: Kind, encoding: str | None) -> tuple[Iterator[Row], list[str]]:
    """Return the rows behind the header, and the columns."""
    try:
        read = await asyncio.to_thread(_recognised, content, kind, encoding)
    except NotCsv as unusable:
        sentence = _UNUSABLE.get(unusable.reason, _NO_CSV)
        raise FileRefused(errors=[FieldError.of("", sentence, **unusable.values)]) from None
    rows = read_rows(read)
    columns, faults = entries.read_header(next(rows, Row(1, [])).cells, kind)
    if faults:
        raise FileRefused(errors=[_fault(fault) for fault in faults])
    return rows, columns


def _recognised(content: bytes, kind: Kind, named: str | None) -> Content:
    declared = None if named is None else codec(named)
    opening = partial(io.BytesIO, content)
    encoding = read_as = encoding_of(content[:HEADER_BYTES_MAX], opening, declared)
    if encoding not in BY_BYTES:
        try:
            content, encoding = content.decode(encoding).encode(), "utf-8"
        except UnicodeError:
            raise NotCsv("file_is_not_in_encoding", encoding=encoding) from None
        opening = partial(io.BytesIO, content)
    separator, first_line = separator_of(opening, encoding, kind.columns)
    return Content(opening, encoding, read_as, separator, first_line)


async def _pieces(staged: Staged) -> list[str]:
    pieces: list[str] = []
    parting = Parting[Group]()
    async for group in paced(staged.read(range(1, staged.groups + 1), rows_max=LINES_MAX)):
        pieces += map(_piece, parting.add(group, group.related, len(group.rows)))
    return [*pieces, *map(_piece, parting.rest())]


def _piece(groups: list[Group]) -> str:
    return GROUPS.dump_json(groups).decode()


def _fault(fault: HeaderFault) -> FieldError:
    if fault.reason == "column_did_you_mean":
        name, close = fault.names
        return FieldError.of(f"/{name}", _DID_YOU_MEAN, name=name, close=close)
    pointer = f"/{fault.names[0]}" if len(fault.names) == 1 else ""
    return FieldError.of(pointer, _FAULTS[fault.reason], names=fault.names)


_NO_CSV = field_sentence(__name__, "no_csv")
_UNUSABLE: dict[str, Sentence] = {
    name: field_sentence(__name__, name)
    for name in (
        *("encoding_unclear", "encoding_unknown", "file_ends_with_cr", "file_is_empty"),
        "file_is_not_in_encoding",
    )
}
_FAULTS: dict[str, Sentence] = {
    name: field_sentence(__name__, name)
    for name in ("column_named_twice", "column_lacks", "column_must_be_one_of", "column_unknown")
}
_DID_YOU_MEAN = field_sentence(__name__, "column_did_you_mean", code="column_unknown")
