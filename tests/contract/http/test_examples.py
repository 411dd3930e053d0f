"""Every documented example of a request is accepted by the running service at any time, and every answer is a documented one."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest

from shared.ids import new_id
from tests.contract.http.asking import as_text
from tests.contract.http.places import plain
from tests.contract.http.targets import Operation, Target, open_target
from tests.parts.opened import SERVICES, purchase

NEEDS_MORE: Mapping[str, Mapping[str, str]] = {
    "compare_rulebook_draft": {"rulebook_draft_not_found": "it was deleted before"},
    "publish_rulebook_draft": {"rulebook_draft_not_found": "the same"},
    "compare_programme_draft": {"programme_draft_not_found": "the same"},
    "publish_programme_draft": {"programme_draft_not_found": "the same"},
    "set_budget_ceiling": {"budget_not_found": "the rules in force have no budget"},
    "claim_reward": {"member_not_found": "the customer of the example is nobody"},
    "cancel_reward_claim": {"reward_claim_fulfilled": "it was fulfilled before"},
    "make_coupon_codes": {"coupon_archived": "it was archived before"},
    "hold_points": {"member_not_found": "the customer of the example is nobody"},
    "record_activity": {"member_not_found": "the same"},
    "commit_hold": {"hold_expired": "the points were held long ago"},
    "cancel_hold": {"hold_expired": "the same"},
    "extend_hold": {"hold_expired": "the same"},
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


LATER = timedelta(days=60)
"""The documents are read long after the day of which their examples are. Nothing in them may have gone stale by then."""
NOBODYS = ("unknown_customer", "follows_refused")
"""The refusals of an id of an example, which names nothing here."""


@pytest.mark.parametrize("name", SERVICES)
async def test_every_example_is_accepted_and_answered_as_documented(name: str, tmp_path: Path) -> None:
    faults = []
    async with open_target(name, tmp_path, "sqlite", later=LATER) as target:
        await _sell_what_is_claimed(target)
        for operation in target.operations:
            name = operation.described["operationId"]
            answer = await _ask(target, operation)
            if fault := _fault(target, operation, answer):
                faults.append(f"{name}: {answer.status_code} {fault}")
            if operation.method == "GET" and "etag" in answer.headers:
                target.clock.advance(timedelta(seconds=1))
                again = await _ask(target, operation, {"If-None-Match": answer.headers["etag"]})
                if again.status_code != 304:
                    faults.append(f"{name}: {again.status_code} to its own ETag")
            for body in _with_examples_of_fields(target.document, operation):
                answer = await _ask(target, operation, body=body)
                if answer.status_code in (400, 422) and answer.json()["code"] not in NOBODYS:
                    faults.append(f"{name}: {answer.status_code} {answer.text} of {body}")
    assert faults == []


def _with_examples_of_fields(document: Mapping[str, Any], operation: Operation) -> Iterator[dict[str, Any]]:
    """Yield the example of a body with each field that it lacks and that has an example of its own, if both may stand together."""
    if operation.content is None:
        return
    accepted = _validator(document, operation.content["schema"])
    example = operation.content["example"]
    for name, schema in plain(document, operation.content["schema"]).get("properties", {}).items():
        for value in plain(document, schema).get("examples", ()) if name not in example else ():
            if value is not None and accepted.is_valid({**example, name: value}):
                yield {**example, name: value}


def _validator(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    return jsonschema.Draft202012Validator({**schema, "components": document["components"]})


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


async def _ask(
    target: Target,
    operation: Operation,
    more: Mapping[str, str] | None = None,
    body: dict[str, Any] | None = None,
) -> httpx2.Response:
    """Send the request that the document shows, or this body, with ids of what is there in its path."""
    described = operation.described
    query = {
        parameter["name"]: parameter["example"]
        for parameter in operation.parameters
        if parameter["in"] == "query" and "example" in parameter
    }
    headers = dict(more or {})
    if operation.takes_a_key:
        headers["Idempotency-Key"] = new_id("key")
    sent: dict[str, Any] = {}
    for media_type, content in described.get("requestBody", {}).get("content", {}).items():
        sent = {"json": content["example"] if body is None else body}
        if media_type != "application/json":
            headers["Content-Type"] = media_type
            sent = {"content": as_text(content["example"]).encode()}
    return await target.client.request(
        operation.method, target.path(operation), params=query, headers=headers, **sent
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
        errors = _validator(target.document, schema).iter_errors(answer.json())
        return "; ".join(error.message for error in errors)
    return ""
