"""The rules of this house for records, for capabilities and for language: each with its reason and a bad example."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.architecture.rule import Findings, Rule
from tests.architecture.sources import ROOT, Source

# ---------------------------------------------------------------------------------------------------------- capabilities

CLOSED_ROOMS = {"storage", "usecases", "api", "events", "jobs", "invariants", "capability"}
"""The rooms of a capability that only this capability enters; main.py reads `capability`."""


@cache
def _capabilities(service: str) -> frozenset[str]:
    """Return the names of the capabilities of a service."""
    return frozenset(path.parent.name for path in (ROOT / "services" / service).glob("*/capability.py"))


def _goes_past_the_door(source: Source) -> Findings:
    parts = source.path.parts
    if len(parts) < 4 or parts[0] != "services":
        return
    service, own = parts[1], parts[2]
    for line, module in _imported_modules(source.tree):
        names = module.split(".")
        if names[:2] != ["services", service] or len(names) < 4 or names[2] == own:
            continue
        if names[2] in (_capabilities(service) | {"other"}) and names[3] in CLOSED_ROOMS:
            yield line, f"{module} belongs to another capability: ask its steps or its queries"


def _imported_modules(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


# --------------------------------------------------------------------------------------------------------------- records


def _passes_rows_around(source: Source) -> Findings:
    if not source.is_product or source.path.is_relative_to("shared/db"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr in ("_mapping", "_asdict", "_fields"):
            yield node.lineno, f"{node.attr} of a row: read a record"
        if source.path.parts[0] == "services" and isinstance(node, ast.Subscript) and _is_column_dict(node):
            yield node.lineno, f"{ast.unparse(node)}: give it a record, or a type"
        if isinstance(node, ast.Call) and _builds_from_a_row(node):
            yield node.lineno, f"{ast.unparse(node)[:60]} takes columns by their position"


def _is_column_dict(node: ast.Subscript) -> bool:
    return ast.unparse(node) in ("dict[str, Any]", "Mapping[str, Any]")


def _builds_from_a_row(call: ast.Call) -> bool:
    """Return whether a class is called with the columns of a row, such as `Lot(*row)`."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    starred = [argument.value for argument in call.args if isinstance(argument, ast.Starred)]
    return name[:1].isupper() and any(
        isinstance(value, ast.Name) and value.id in ("row", "record", "columns") for value in starred
    )


def _any_without_a_reason(source: Source) -> Findings:
    if source.path.parts[0] != "services" or source.is_in("migrations"):
        return
    lines = source.text.splitlines()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name) and node.id == "Any":
            near = " ".join(lines[max(node.lineno - 2, 0) : node.lineno])
            if "#" not in near:
                yield node.lineno, "Any without a comment that says why"


# -------------------------------------------------------------------------------------------------------------- language

RIDDLE = re.compile(
    r"^(Who|Whom|Whose|What|Of which|Of what|Of whom|Which|Whether it|Under which|How (?:often|many|long|much|far))\b"
)
"""Openings that take a question for a noun: a docstring begins with its subject and a verb."""

NO_ELEMENT = {"one", "each", "found", "told", "kept", "it", "thing", "many", "other", "another"}
"""Names of loop variables that do not name the element."""


def _speaks_in_riddles(source: Source) -> Findings:
    if not source.is_python or not source.is_product:
        return
    for line, text in _docstrings(source.tree):
        if RIDDLE.match(text):
            yield line, f"{text.splitlines()[0][:70]!r} does not begin with a subject and a verb"
        if re.search(r", too[.:;]|…, too", text):
            yield line, f"{text.splitlines()[0][:70]!r} leaves its verb out"


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield every docstring, also those that follow an assignment."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for statement in body:
            value = getattr(statement, "value", None)
            if (
                isinstance(statement, ast.Expr)
                and isinstance(value, ast.Constant)
                and isinstance(value.value, str)
            ):
                yield statement.lineno, value.value.strip()


def _names_no_element(source: Source) -> Findings:
    if not source.is_python:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            for name in ast.walk(node.target):
                if isinstance(name, ast.Name) and name.id in NO_ELEMENT:
                    yield name.lineno, f"the loop variable {name.id!r} does not name its element"


PAPER = re.compile(r"(?<!/)\bmodels/[a-z-]+\b|\bspecs/[a-z]+\b|\bDESIGN\b|\btraps\.md\b|\bSTYLE\b")


def _refers_to_papers(source: Source) -> Findings:
    if source.path.parts[:2] == ("tests", "architecture"):
        return
    if source.is_python:
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING) and (match := PAPER.search(token.string)):
                yield token.start[0], f"{match.group()!r} is a page that the reader does not have"


STYLE_RULES = (
    Rule("a capability has a door", "another capability's tables may change without asking you", _goes_past_the_door,
         Source(Path("services/loyalty/earning/usecases/x.py"), "from services.loyalty.other.storage import lots\n")),
    Rule("rows are records", "a name is checked by mypy, a position by nobody", _passes_rows_around,
         Source(Path("services/loyalty/ledger/storage/x.py"), "lots = [Lot(*row) for row in rows]\n")),
    Rule("Any has a reason", "what is Any is checked by nobody", _any_without_a_reason,
         Source(Path("services/loyalty/ledger/storage/x.py"), "def f(row: Any) -> None: ...\n")),
    Rule("docstrings are plain English", "most readers are not native speakers", _speaks_in_riddles,
         Source(Path("shared/x.py"), '"""Who was erased gets no state."""\n')),
    Rule("loop variables name their element", "`one` and `each` make the reader look for the noun", _names_no_element,
         Source(Path("shared/x.py"), "names = [one.name for one in customers]\n")),
    Rule("references stay in this repository", "a reader has no other page than these", _refers_to_papers,
         Source(Path("shared/x.py"), "# see models/profile, rules 1 to 6\n")),
)  # fmt: skip
