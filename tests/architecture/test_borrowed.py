"""Internals of libraries that the product borrows: each has the shape that the product relies on.

A library may change these names in any release, so `pyproject.toml` bounds the libraries from above. The modules of
`borrowed` name each internal and the file that uses it. Their checks need no server and no broker.
"""

import ast
import re
import tomllib

import pytest

from tests.architecture.borrowed import databases, kafka, routing, servers
from tests.architecture.borrowed.lending import Borrowed
from tests.architecture.sources import ROOT, python_sources

BORROWED = (*servers.BORROWED, *routing.BORROWED, *kafka.BORROWED, *databases.BORROWED)


@pytest.mark.parametrize("borrowed", BORROWED, ids=lambda borrowed: f"{borrowed.library}: {borrowed.name}")
async def test_what_is_borrowed_has_the_shape_that_is_relied_on(borrowed: Borrowed) -> None:
    text = (ROOT / borrowed.used_in).read_text(encoding="utf-8")

    assert [word for word in borrowed.words if word not in text] == [], "no longer used there"
    await borrowed.check()


def test_every_library_that_lends_internals_is_bounded_from_above() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounded = {re.split(r"[\[<>=]", need)[0] for need in project["dependencies"] if "<" in need}

    assert {borrowed.library for borrowed in BORROWED} - bounded == set()


def test_every_private_name_of_a_library_is_on_this_page() -> None:
    """A private name of an object that no class of ours defines belongs to a library."""
    product = [source for source in python_sources() if source.is_product]
    ours = {name for source in product for name in _own_names(source.tree)}
    listed = {name for borrowed in BORROWED for word in borrowed.words for name in re.findall(r"_\w+", word)}
    used = {
        (str(source.path), node.attr)
        for source in product
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and _is_private(node.attr)
    }

    assert {(path, name) for path, name in used if name not in ours | listed | DOCUMENTED} == set()


DOCUMENTED = {"_mapping"}
"""Names that begin with an underscore although they are public: `Row._mapping` avoids clashes with columns."""


def _own_names(tree: ast.Module) -> set[str]:
    """The private names that a module defines: functions, classes, and attributes of `self`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name, ctx=ast.Store()):
                names.add(name)
    return names


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
