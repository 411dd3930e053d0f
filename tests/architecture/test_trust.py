"""The certificates of the authorities are read once a process, however many HTTP clients it has."""

import ast

from tests.architecture.sources import python_sources

CLIENTS = {"httpx2.Client", "httpx2.AsyncClient"}


def test_every_client_of_the_product_is_given_the_authorities() -> None:
    given = {
        f"{source.path}:{call.lineno}": {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        for source in python_sources()
        if source.is_product
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in CLIENTS
    }

    assert given
    assert [place for place, arguments in given.items() if arguments.get("verify") != "authorities()"] == []
