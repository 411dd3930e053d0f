"""Every module declares exactly the keys that it logs, so that a reader of the declaration sees all of them."""

import ast

import pytest

from shared.logs import COMMON_KEYS
from tests.architecture.sources import Source, python_sources

METHODS = {"debug", "info", "warning", "error", "exception", "critical", "over"}
OPTIONS = {"exc_info", "stack_info"}
"""Keywords of a log call that are no keys."""


LOGGING = [
    source
    for source in python_sources()
    if source.is_product and "= logs.named(" in source.text and source.path.name != "logs.py"
]


@pytest.mark.parametrize("source", LOGGING, ids=lambda source: str(source.path))
def test_a_module_declares_the_keys_that_it_logs_and_no_others(source: Source) -> None:
    declared = {key for call in _declarations(source) for key in _declared_keys(call)}
    logged = _logged_keys(source)

    assert logged - declared == set(), "these keys would be written as [redacted]: declare them"
    assert declared - logged - _dictionary_keys(source) == set(), "nothing is logged under these keys"


def test_modules_that_log_were_found() -> None:
    assert len(LOGGING) > 5


def _calls(source: Source) -> list[ast.Call]:
    return [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]


def _declarations(source: Source) -> list[ast.Call]:
    return [call for call in _calls(source) if ast.unparse(call.func) == "logs.named"]


def _declared_keys(call: ast.Call) -> set[str]:
    keys = [keyword.value for keyword in call.keywords if keyword.arg == "keys"]
    return set().union(*(ast.literal_eval(value) for value in keys))


def _logged_keys(source: Source) -> set[str]:
    """Return the keywords of the log calls in a file."""
    logging = [
        call
        for call in _calls(source)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in METHODS
        and ast.unparse(call.func.value).rpartition(".")[2].lstrip("_") in ("log", "quiet")
    ]
    keys = {keyword.arg for call in logging for keyword in call.keywords if keyword.arg is not None}
    return keys - OPTIONS - COMMON_KEYS


def _dictionary_keys(source: Source) -> set[str]:
    """Return the texts that stand as keys of a dictionary in a file: fields that are passed on as `**fields`."""
    keys = [
        key
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    ]
    assigned = [
        node.slice
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
    ]
    return {str(key.value) for key in (*keys, *assigned)}
