"""Each refusal of an action is answered over HTTP: the complaint is brought to the state in which it is met."""

from datetime import timedelta
from typing import Any

import pytest

from services.feedback.complaints.domain.machine import REOPEN_WITHIN, REVIEW_LEVEL_MAX
from shared.auth.principal import Role
from tests.feedback.asking import OPEN, opened
from tests.feedback.running import Feedback, customer

WHY = "It is right so"
START, ANSWER = {"action": "start"}, {"action": "answer"}
SAID = {"say": "agent"}
ANSWERED = [START, SAID, ANSWER]
REFUSED = {"action": "refuse_answer", "reason": WHY}
CLOSE = {"action": "close", "outcome": "satisfied"}


def followed(result: str) -> dict[str, Any]:
    return {"action": "follow_up", "follow_up": {"method": "phone", "result": result}}


CASES: list[tuple[str, list[dict[str, Any]]]] = [
    ("action_forbidden", [{"action": "reject", "reason": WHY}]),
    ("answer_required", [START, ANSWER]),
    ("attempts_required", [*ANSWERED, followed("unreached"), {"action": "close", "outcome": "unreachable"}]),
    ("customer_not_reached", [*ANSWERED, followed("unreached"), CLOSE]),
    ("customer_not_satisfied", [*ANSWERED, followed("not_satisfied"), CLOSE]),
    ("customer_waits", [START, SAID, {"say": "customer"}, ANSWER]),
    ("field_not_used", [{"action": "start", "outcome": "satisfied"}]),
    ("follow_up_required", [*ANSWERED, {"action": "follow_up"}]),
    ("message_required", [START, {"action": "wait_customer", "reason": WHY}]),
    ("other_owner_required", [*ANSWERED, REFUSED]),
    ("outcome_required", [*ANSWERED, followed("satisfied"), {"action": "close"}]),
    ("reason_required", [{"action": "withdraw"}]),
    ("reopen_too_late", [
        *ANSWERED, followed("satisfied"), CLOSE, {"wait": REOPEN_WITHIN + timedelta(seconds=1)},
        {"action": "reopen", "reason": WHY},
    ]),
    ("review_levels_exhausted", [
        START,
        *(step for level in range(REVIEW_LEVEL_MAX) for step in (SAID, ANSWER, REFUSED | {"owner": f"owner-{level}"})),
        SAID, ANSWER, REFUSED | {"owner": "another"},
    ]),
    ("target_required", [{"action": "merge"}]),
    ("wrong_state", [CLOSE]),
]  # fmt: skip
"""Each code, and the steps to it: the last one is refused."""


@pytest.mark.parametrize(("code", "steps"), CASES, ids=[code for code, _ in CASES])
async def test_an_action_is_refused(feedback: Feedback, code: str, steps: list[dict[str, Any]]) -> None:
    complaint_id = (await opened(feedback))["id"]
    for step in steps[:-1]:
        status, answer = await take(feedback, complaint_id, step)
        assert status < 300, (step, answer)

    status, answer = await take(feedback, complaint_id, steps[-1])

    assert (status // 100, answer.get("code")) == (4, code), answer


async def test_a_merge_is_refused_for_its_target(feedback: Feedback) -> None:
    who = customer()
    first, second, third = [(await opened(feedback, who))["id"] for _ in range(3)]
    others = (await opened(feedback))["id"]
    merged = await take(feedback, first, {"action": "merge", "duplicate_of": second})
    assert merged[0] == 201, merged

    refused = [
        await take(feedback, third, {"action": "merge", "duplicate_of": others}),
        await take(feedback, third, {"action": "merge", "duplicate_of": first}),
        await take(feedback, first, {"action": "reopen", "reason": WHY}),
    ]

    assert [answer["code"] for _, answer in refused] == [
        "target_of_other_customer",
        "target_not_open",
        "duplicate_stays_closed",
    ]


async def take(
    feedback: Feedback, complaint_id: str, step: dict[str, Any], role: Role = "agent"
) -> tuple[int, dict[str, Any]]:
    """Take an action, write a message or let time pass; return the status and the answer."""
    if "wait" in step:
        feedback.clock.advance(step["wait"])
        return 200, {}
    path, body = "transitions", step
    if "say" in step:
        feedback.clock.advance(timedelta(seconds=1))
        path, body = "messages", {"kind": step["say"], "body": "Hello"}
    async with feedback.operator(role) as client:
        answer = await client.post(f"{OPEN}/{complaint_id}/{path}", json=body, headers=feedback.key())
    return answer.status_code, answer.json()
