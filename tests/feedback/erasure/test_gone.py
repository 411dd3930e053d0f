"""Every operation that documents 410 answers it once the customer's erasure has arrived."""

from typing import Any

import pytest

from services.feedback.main import service
from services.feedback.settings import Settings
from shared.http.app import build_app
from tests.feedback.asking import OPEN, body, opened
from tests.feedback.running import Feedback, customer, erased

WRITES: dict[str, tuple[str, dict[str, Any] | None]] = {
    "add_message": ("/messages", {"kind": "agent", "body": "hello"}),
    "confirm_message": ("/messages/msg_01k2m9d6v4e8r7a1b2c3d4e5f6/confirmations", None),
    "take_action": ("/transitions", {"action": "start"}),
    "grant_remedy": ("/remedies", {"kind": "points", "points": 1, "reason": "It leaked."}),
    "retry_remedy": ("/remedies/rem_01k2m9d6v4e8r7a1b2c3d4e5f6/retries", None),
}


def test_these_operations_document_it() -> None:
    documented = {
        operation["operationId"]
        for methods in build_app(service(Settings())).openapi()["paths"].values()
        for operation in methods.values()
        if "410" in operation["responses"]
    }

    assert documented == {"open_complaint", *WRITES}


async def test_no_complaint_is_opened_for_an_erased_customer(feedback: Feedback) -> None:
    who = customer()
    await opened(feedback, who)
    await feedback.deliver(erased(who))
    async with feedback.operator() as agent:
        answer = await agent.post(OPEN, json=body(who), headers=feedback.key())

    assert (answer.status_code, answer.json()["code"]) == (410, "customer_erased")


@pytest.mark.parametrize("operation", WRITES)
async def test_nothing_is_written_about_an_erased_customer(feedback: Feedback, operation: str) -> None:
    path, content = WRITES[operation]
    who = customer()
    complaint_id = (await opened(feedback, who))["id"]
    await feedback.deliver(erased(who))
    async with feedback.operator("manager") as manager:
        answer = await manager.post(f"{OPEN}/{complaint_id}{path}", json=content, headers=feedback.key())

    assert (answer.status_code, answer.json()["code"]) == (410, "customer_erased")
