"""Every code that some operation documents is asked for by a test: it stands in the test, or the class of the refusal does."""

import ast
from pathlib import Path
from typing import Any

import pytest

from huitou import registry
from shared.consume.tables import set_aside
from shared.errors import DomainError
from shared.http.app import build_app
from shared.http.openapi import operations, refusals
from tests.architecture.sources import python_sources
from tests.parts.opened import ADMIN, opened

NOT_REACHED = {
    "busy": "three times in a row another process has to change the same order between two statements",
}
"""Codes that no test reaches, and what it would take."""
TOO_OLD = {"kind": "agent", "body": "Sorry.", "occurred_at": "2020-01-01T00:00:00Z"}
COMPLAINT = {"channel": "web", "title": "It leaks", "body": "It drips."}
Case = tuple[str, str, str, Any, int, str]
CASES: list[Case] = [
    ("profile", "GET", "/v1/purchases/pur_none", None, 404, "purchase_not_found"),
    ("profile", "GET", "/v1/returns/ret_none", None, 404, "return_not_found"),
    ("loyalty", "GET", "/v1/members/{customer_id}/adjustments/adj_none", None, 404, "adjustment_not_found"),
    ("loyalty", "GET", "/v1/members/{customer_id}/redemptions/red_none", None, 404, "redemption_not_found"),
    ("feedback", "GET", "/v1/complaints/cmp_none", None, 404, "complaint_not_found"),
    ("feedback", "POST", "/v1/complaints", COMPLAINT, 422, "customer_required"),
    (
        "feedback", "POST", "/v1/complaints/{complaint_id}/messages", TOO_OLD, 422, "occurred_at_refused",
    ),
    (
        "feedback", "POST", "/v1/complaints/{complaint_id}/messages/msg_none/confirmations", None, 404,
        "message_not_found",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("service", "method", "path", "body", "status", "code"), CASES)
async def test_a_request_reaches_the_code(
    service: str, method: str, path: str, body: Any, status: int, code: str, tmp_path: Path
) -> None:
    async with opened(service, tmp_path) as house, house.client(ADMIN) as client:
        answer = await client.request(method, path.format_map(house.of_owner), json=body, headers=house.key())

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_record_of_a_consumer_that_is_gone_cannot_be_retried(tmp_path: Path) -> None:
    async with opened("loyalty", tmp_path) as house, house.client(ADMIN) as client:
        async with house.database.begin() as tx:
            await tx.execute(set_aside.update().values(consumer="gone"))
        answer = await client.post(f"/v1/set-aside/{house.of_owner['set_aside_id']}/retry")

    assert (answer.status_code, answer.json()["code"]) == (409, "no_such_consumer"), answer.text


def test_every_documented_code_is_asked_for_by_a_test() -> None:
    errors: set[type[DomainError]] = {
        error
        for service in registry.services()
        for route in operations(build_app(service).router.routes)
        for error in refusals(route.operation)
    }
    asked = {code for *_, code in CASES} | {"no_such_consumer"}
    for source in python_sources():
        if source.path.parts[0] == "tests" and source.path.name != Path(__file__).name:
            asked |= _named(source.tree)
    without = {error.code for error in errors if not {error.code, error.__name__} & asked}

    assert len(errors) > 100
    assert without <= NOT_REACHED.keys()


def _named(tree: ast.Module) -> set[str]:
    """Return the texts and the names in a test: a code stands there as a text, a refusal as the name of its class."""
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return texts | names | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
