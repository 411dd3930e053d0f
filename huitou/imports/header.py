"""The first row of a file, which names its columns."""

from collections.abc import Sequence

from huitou.exits import Exit, Refused
from huitou.speech import said
from shared.files.entries import HeaderFault, Kind, read_header


def columns_of(header: Sequence[str], kind: Kind) -> list[str]:
    """Return the header's columns. Raises Refused when a column is missing, unknown, or named twice."""
    columns, faults = read_header(header, kind)
    if faults:
        needed = [*kind.required, *(said("columns_or").join(names) for names in kind.one_of)]
        raise Refused(
            Exit.USAGE,
            said(
                "columns_wrong",
                needed=needed,
                optional=said("columns_optional", names=kind.optional) if kind.optional else "",
                faults=said("columns_separator").join(map(_words, faults)),
            ),
        )
    return columns


def _words(fault: HeaderFault) -> str:
    match fault.reason:
        case "column_lacks":
            return said("column_lacks", names=fault.names)
        case "column_must_be_one_of":
            return said("column_must_be_one_of", names=said("columns_and").join(fault.names))
        case "column_did_you_mean":
            name, close = fault.names
            return said("column_did_you_mean", name=name, close=close)
        case "column_named_twice":
            return said("column_named_twice", name=fault.names[0])
        case _:
            return said("column_unknown", name=fault.names[0])
