"""The pieces that generated pages are made of."""

from collections.abc import Sequence

GENERATED = "<!-- Generated from the code by `make contracts`. -->\n\n"


def table(header: str, rows: Sequence[str]) -> str:
    """Return a table; `header` and each row separate their cells with ` | `, and a row has its outer bars."""
    columns = header.split(" | ")
    return f"| {header} |\n|{' --- |' * len(columns)}\n" + "\n".join(rows) + "\n"
