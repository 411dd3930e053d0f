"""Every documented example of a request is accepted by the running service, and every answer is a documented one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest

from shared.ids import new_id
from tests.contract.http.asking import as_text
from tests.contract.http.targets import Operation, Target, open_target
from tests.parts.opened import SERVICES, purchase

NEEDS_MORE: Mapping[str, Mapping[str, str]] = {
    "get_job_result": {"job_not_done": "nothing runs the job meanwhile"},
    "issue_token": {"client_invalid": "the key of an example is nobody's"},
    "reject_approval": {"approval_closed": "it was approved before"},
    "withdraw_approval": {"others_proposal": "another operator proposed it"},
    "get_set_aside": {"not_set_aside": "profile hears no events, so it sets none aside"},
    "discard_set_aside": {"not_set_aside": "the same"},
    "retry_set_aside": {"not_set_aside": "the same", "still_refused": "what is set aside here is no event"},
    "pass_stopped_partition": {"not_braked": "no batch is held"},
    "retry_remedy": {"remedy_not_overdue": "the remedy has an answer"},
}
"""Operations that ask for a state in which the service is not, and the refusals that say so. Other tests bring them there."""


@pytest.mark.parametrize("name", SERVICES)
async def test_every_example_is_accepted_and_answered_as_documented(name: str, tmp_path: Path) -> None:
    faults = []
    async with open_target(name, tmp_path, "sqlite") as target:
        await _sell_what_is_claimed(target)
        for operation in target.operations:
            answer = await _ask(target, operation)
            if fault := _fault(target, operation, answer):
                faults.append(f"{operation.described['operationId']}: {answer.status_code} {fault}")
    assert faults == []


async def _sell_what_is_claimed(target: Target) -> None:
    """Record the purchase whose receipt the example of a claim shows."""
    for operation in target.operations:
        if operation.described["operationId"] == "claim_purchase":
            assert operation.content
            receipt = operation.content["example"]
            sold = purchase(
                receipt["order_id"],
                source=receipt["source"],
                purchased_at=receipt["purchased_at"],
                customer=None,
                lines=[{"sku": "TEA", "quantity": 1, "amount_minor": receipt["amount_minor"]}],
            )
            answer = await target.client.post("/v1/purchases", json=sold)
            assert answer.status_code == 201, answer.text


async def _ask(target: Target, operation: Operation) -> httpx2.Response:
    """Send the request that the document shows, with ids of what is there in its path."""
    described = operation.described
    query = {
        parameter["name"]: parameter["example"]
        for parameter in operation.parameters
        if parameter["in"] == "query" and "example" in parameter
    }
    headers = {"Idempotency-Key": new_id("key")} if operation.takes_a_key else {}
    body: dict[str, Any] = {}
    for media_type, content in described.get("requestBody", {}).get("content", {}).items():
        body = {"json": content["example"]}
        if media_type != "application/json":
            headers["Content-Type"] = media_type
            body = {"content": as_text(content["example"]).encode()}
    return await target.client.request(
        operation.method, target.path(operation), params=query, headers=headers, **body
    )


def _fault(target: Target, operation: Operation, answer: httpx2.Response) -> str:
    """Return what is wrong with an answer, or an empty text."""
    response = operation.described["responses"].get(str(answer.status_code))
    if response is None:
        return "is not documented"
    if not answer.is_success:
        code = answer.json()["code"]
        if code not in NEEDS_MORE.get(operation.described["operationId"], {}):
            return answer.text
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    if media_type not in response.get("content", {"": {}}):
        return f"{media_type} is not documented"
    if media_type.endswith("json"):
        schema = response["content"][media_type]["schema"]
        parts = {"components": target.document["components"]}
        errors = jsonschema.Draft202012Validator({**schema, **parts}).iter_errors(answer.json())
        return "; ".join(error.message for error in errors)
    return ""
