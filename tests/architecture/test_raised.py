"""Every refusal that an operation documents is one that the code can raise."""

import ast
from collections.abc import Iterator
from pathlib import Path

from huitou import registry
from shared.http.app import build_app
from shared.http.openapi import operations, refusals
from tests.architecture.sources import Source, python_sources

DECLARING = Path("shared/http/openapi.py")
"""The file that adds the refusals of every operation to its own; it raises none of them."""


def test_every_documented_refusal_is_used_by_code_that_can_raise_it() -> None:
    used = {
        name
        for source in python_sources()
        if source.is_product and source.path != DECLARING
        for name in _used(source)
    }
    never = {
        (service.name, route.operation.id, error.code)
        for service in registry.services()
        for route in operations(build_app(service).router.routes)
        for error in refusals(route.operation)
        if error.__name__ not in used
    }

    assert never == set()


def _used(source: Source) -> Iterator[str]:
    """Yield the names that stand in bodies of functions: declarations of operations stand in decorators and constants."""
    for function in ast.walk(source.tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in function.body:
                for node in ast.walk(statement):
                    if isinstance(node, ast.Name):
                        yield node.id
                    elif isinstance(node, ast.Attribute):
                        yield node.attr
