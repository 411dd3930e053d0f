"""A quote that is not closed spoils its own line, and costs little, however many of them a file has."""

import io
import sys
from types import FrameType

import pytest

from shared.files.content import Content
from shared.files.rows import Row, read_rows

CALLS_PER_LINE_MAX = 40
OPEN = 'A,x","y\n'
"""A line that leaves a quote open, both alone and behind another such line."""


def rows_of(text: str) -> list[Row]:
    return list(read_rows(Content(lambda: io.BytesIO(text.encode()), "utf-8", "utf-8", ",", 1)))


@pytest.mark.parametrize("end", ["", 'A,x"\n', 'A,"x"y\n'])
def test_lines_that_each_leave_a_quote_open_are_looked_at_twice_at_most(end: str) -> None:
    calls, lines = 0, 3_000

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        rows = rows_of("a,b\n" + OPEN * lines + end)
    finally:
        sys.setprofile(None)

    assert [row.error.code for row in rows[1 : lines + 1] if row.error] == ["bad_csv"] * lines
    assert calls < CALLS_PER_LINE_MAX * lines


def test_a_cell_of_several_lines_is_read_behind_a_quote_that_is_not_closed() -> None:
    rows = rows_of('a,b\n1,"x\n2,y\n3,"z\nz"\n4,"w"\n')

    assert [(row.number, row.cells) for row in rows if row.error is None] == [
        (1, ["a", "b"]), (3, ["2", "y"]), (4, ["3", "z\nz"]), (6, ["4", "w"]),
    ]  # fmt: skip
    assert [row.number for row in rows if row.error is not None] == [2]
