"""The rules of this house that no linter knows: each with its reason, and an example that breaks it."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.rule import Findings, Rule
from tests.architecture.sources import Source

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400


def _long_functions(source: Source) -> Findings:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield node.lineno, f"{node.name} has {lines} lines, {FUNCTION_LINES_MAX} at most"


def _long_files(source: Source) -> Findings:
    lines = source.text.count("\n")
    if lines > FILE_LINES_MAX:
        yield 1, f"{lines} lines, {FILE_LINES_MAX} at most: which room is missing?"


def _one_use_case(source: Source) -> Findings:
    if not source.is_in("usecases") or source.path.name == "__init__.py":
        return
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    public = [node.name for node in source.tree.body if isinstance(node, functions) and _is_public(node.name)]
    if public != [source.path.stem]:
        yield 1, f"public functions {public}, expected exactly {source.path.stem}"


def _registry_only(source: Source) -> Findings:
    if source.path.name != "__init__.py":
        return
    body = [node for node in source.tree.body if not _is_docstring(node)]
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield node.lineno, f"class {node.name} in a package's front door: give it a file"
    if body and not any(_assigns(node, "__all__") for node in body):
        yield 1, "a package's front door is empty, or a registry with __all__"


NO_CLOCK = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today", "func.now", "func.current_timestamp",
}  # fmt: skip


def _reads_the_clock(source: Source) -> Findings:
    if not source.is_product or source.path == Path("shared/clock.py"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and (name := _dotted(node.func)) in NO_CLOCK:
            yield node.lineno, f"{name}() reads a clock"


def _slow_middleware(source: Source) -> Findings:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and any(a.name == "BaseHTTPMiddleware" for a in node.names):
            yield node.lineno, "imported from starlette"
        if isinstance(node, ast.Attribute) and node.attr == "BaseHTTPMiddleware":
            yield node.lineno, "used"


def _values_of_a_list(source: Source) -> Findings:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "values":
            listed = (ast.List, ast.ListComp, ast.GeneratorExp, ast.Name, ast.Attribute, ast.Starred)
            if node.args and isinstance(node.args[0], listed):
                yield node.lineno, "insert().values(rows)"


def _unordered_row_locks(source: Source) -> Findings:
    if not source.is_product:
        return
    calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    locking = [node for node in calls if _called(node) == "with_for_update"]
    reading_one = [node for node in calls if _called(node) in ("first", "one", "read_record")]
    of_one_row = {id(inner) for node in reading_one for inner in ast.walk(node)}
    assigned = [node for node in ast.walk(source.tree) if isinstance(node, ast.Assign)]
    ordered = {_dotted(node.targets[0]) for node in assigned if "order_by" in _chain(node.value)}
    for node in locking:
        chain = _chain(node)
        if id(node) not in of_one_row and "order_by" not in chain and chain[-1] not in ordered:
            yield node.lineno, "with_for_update() of many rows without order_by()"


def _skips_what_is_locked(source: Source) -> Findings:
    if not source.is_product:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.keyword) and node.arg == "skip_locked":
            yield node.lineno, "skip_locked"
        said = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if found := re.search(r"\b(SKIP LOCKED|LISTEN \w|NOTIFY \w|pg_notify)", said):
            yield getattr(node, "lineno", 1), found.group()


NO_MEANING = {"util", "utils", "helper", "helpers", "common", "core", "misc", "manager", "managers"}


def _names_without_meaning(source: Source) -> Findings:
    for part in (*source.path.parts[:-1], source.path.stem):
        if set(part.lower().split("_")) & NO_MEANING:
            yield 1, f"{part} says nothing about what is in it"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and re.search(r"(Manager|Helper|Utils?)$", node.name):
            yield node.lineno, f"class {node.name} says nothing about what it is"


MACHINE = re.compile(
    r"(?<![\w.-])/(?:work|root)/\w"
    r"|(?:pypi|pythonhosted|npmjs|debian|crates)\.(?:org|io|com)(?:/|:\d)"
    r"|repo\d?\.maven|\bindex-url\b"
)
PINNING = re.compile(r"lock|pom\.xml$|settings\.xml$|\.npmrc$|pip\.conf$|sources\.list")


def _names_this_machine(source: Source) -> Findings:
    for number, line in enumerate(source.text.splitlines(), start=1):
        if found := MACHINE.search(line):
            yield number, f"{found.group()!r} is true on one machine only"
        if PINNING.search(source.path.name) and re.search(r"https?://(?!www\.w3\.org)", line):
            yield number, "an address in a file that pins"


def _undocumented(source: Source) -> Findings:
    if source.is_in("migrations") or not (source.path.parts[0] == "shared" or source.is_in("domain")):
        return
    for node, public in _definitions(source.tree):
        if public and ast.get_docstring(node) is None:
            yield node.lineno, f"{node.name} has no sentence"


DOMAIN_MAY_USE = {
    "pydantic",
    "shared.catalogues",
    "shared.errors",
    "shared.frozen",
    "shared.ids",
    "shared.limits",
    "shared.local_time",
    "shared.money",
    "shared.spelling",
    "typing_extensions",
}
ALSO_MAY_USE = {
    "services.profile": {"phonenumbers", "email_validator"},  # normalisation: tables and grammars, no I/O
    "services.scoring": {"numpy", "scipy"},
}


def _impure_domain(source: Source) -> Findings:
    if not source.is_in("domain"):
        return
    service = ".".join(source.path.parts[:2])
    own = re.compile(rf"{re.escape(service)}\.(\w+\.)?(domain|refusals)(\.|$)")
    allowed = DOMAIN_MAY_USE | ALSO_MAY_USE.get(service, set())
    for line, names in _imports(source.tree):
        for name in names:
            top = name.split(".")[0]
            known = top in sys.stdlib_module_names or top in allowed
            allowed_inside = any(name == module or name.startswith(f"{module}.") for module in allowed)
            if not known and not allowed_inside and not own.match(name):
                yield line, f"the domain imports {name}"


def _foreign_contract(source: Source) -> Findings:
    if source.path.parts[:2] != ("shared", "events"):
        return
    for line, names in _imports(source.tree):
        for name in names:
            if name.split(".")[0] in ("shared", "services", "huitou") and not f"{name}.".startswith(
                ("shared.events.", "shared.limits.")
            ):
                yield line, f"a contract imports {name}"


def _imports(tree: ast.Module) -> Iterator[tuple[int, list[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield node.lineno, [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module in ("shared", "services"):
            yield node.lineno, [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, [node.module or "."]


def _definitions(
    tree: ast.Module,
) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, bool]]:
    """Top-level names, and the methods of classes that stand alone or are asked for (Protocol, ABC).

    A method of a class with another base inherits the sentence of what it implements.
    """
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node, _is_public(node.name) and not _is_overload(node)
        if isinstance(node, ast.ClassDef) and {_dotted(base) for base in node.bases} <= {"Protocol", "ABC"}:
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield inner, _is_public(node.name) and _is_public(inner.name) and not _is_overload(inner)


def _is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    skipped = {"overload", "override"}
    return any(_dotted(d) in skipped or _dotted(d).endswith(".setter") for d in node.decorator_list)


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _doors_that_pass_on(source: Source) -> Findings:
    if not (source.is_product and {"queries", "steps"} & {*source.path.parts[:-1], source.path.stem}):
        return
    for node in source.tree.body:
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and not node.name.startswith("_"):
            done = [part for part in node.body if not _is_text(part)]
            if len(done) == 1 and _passed_on(done[0]) == [
                argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)
            ]:
                yield node.lineno, f"{node.name} only passes its arguments on: re-export what it calls"


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _passed_on(node: ast.stmt) -> list[str] | None:
    """The names with which a statement that is one call of another module calls it, each as itself; else None."""
    value = node.value if isinstance(node, ast.Return | ast.Expr) else None
    call = value.value if isinstance(value, ast.Await) else value
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    if any(keyword.arg != _dotted(keyword.value) for keyword in call.keywords):
        return None
    return [_dotted(argument) for argument in call.args] + [keyword.arg or "" for keyword in call.keywords]


def _assigns(node: ast.stmt, name: str) -> bool:
    targets = (
        node.targets
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AnnAssign)
        else []
    )
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _called(node: ast.Call) -> str:
    """The method that is called here; empty for a function."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _chain(node: ast.expr) -> list[str]:
    """The names of a chain of calls, the last call first and what it begins with last."""
    if isinstance(node, ast.Call):
        return _chain(node.func)
    if isinstance(node, ast.Attribute):
        return [node.attr, *_chain(node.value)]
    return [_dotted(node)]


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Subscript):
        return _dotted(node.value)
    return node.id if isinstance(node, ast.Name) else ""


_LONG_FUNCTION = "def f() -> None:\n" + "    pass\n" * FUNCTION_LINES_MAX
_TWO_USE_CASES = "def earn_points() -> None: ...\ndef burn_points() -> None: ...\n"

CODE_RULES = (
    Rule("functions stay short", "what does not fit on a screen is not understood at a glance", _long_functions,
         Source(Path("shared/long.py"), _LONG_FUNCTION)),
    Rule("files stay short", "a long file hides a second room", _long_files,
         Source(Path("shared/long.py"), "x = 1\n" * (FILE_LINES_MAX + 1))),
    Rule("one use case a file", "a folder listing is the list of what the service does", _one_use_case,
         Source(Path("services/loyalty/usecases/earn_points.py"), _TWO_USE_CASES)),
    Rule("front doors are empty or a registry", "importing a package must not run a program", _registry_only,
         Source(Path("services/loyalty/events/__init__.py"), "def handlers() -> None: ...\n")),
    Rule("one clock", "effective time comes with the fact, booking time from the transaction", _reads_the_clock,
         Source(Path("services/loyalty/usecases/x.py"), "from datetime import datetime\nx = datetime.now()\n")),
    Rule("no BaseHTTPMiddleware", "five of them made a request eleven times slower", _slow_middleware,
         Source(Path("shared/http/x.py"), "from starlette.middleware.base import BaseHTTPMiddleware\n")),
    Rule("no values of a list", "six to twelve times slower than insert_records, and the loop stalls", _values_of_a_list,
         Source(Path("services/loyalty/storage/x.py"), "statement = insert(lots).values([{'id': 1}])\n")),
    Rule("row locks are in an order", "two transactions that lock the same rows in opposite order deadlock",
         _unordered_row_locks,
         Source(Path("services/loyalty/storage/x.py"), "rows = tx.all(select(lot).with_for_update())\n")),
    Rule("nobody skips what is locked", "one relay, by lease: with several, a customer's events overtake each other",
         _skips_what_is_locked,
         Source(Path("shared/outbox/x.py"), "page = select(outbox).with_for_update(skip_locked=True)\n")),
    Rule("names carry the design", "a drawer for everything is where nothing is found", _names_without_meaning,
         Source(Path("shared/db_utils.py"), "")),
    Rule("public names have a sentence", "domain and shared are read more often than written", _undocumented,
         Source(Path("shared/x.py"), "def earn() -> None: ...\n")),
    Rule("the domain is pure", "rules must run without a database, a clock or a framework", _impure_domain,
         Source(Path("services/loyalty/domain/x.py"), "import sqlalchemy\n")),
    Rule("doors re-export", "a function that passes its arguments on says twice what one function does", _doors_that_pass_on,
         Source(Path("services/loyalty/ledger/queries/x.py"),
                "async def due(read: Read) -> int:\n    return await wallets.due(read)\n")),
    Rule("contracts stand alone", "a reader of an event needs no other file of ours but the limits", _foreign_contract,
         Source(Path("shared/events/x.py"), "from shared import money\n")),
)  # fmt: skip

TEXT_RULES = (
    Rule("no file knows a machine", "what is true on one machine breaks on the next", _names_this_machine,
         Source(Path("Makefile"), "cp /wor" + "k/x .\n")),
)  # fmt: skip
