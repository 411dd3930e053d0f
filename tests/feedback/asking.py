"""Complaints over HTTP, as tests open and read them."""

from typing import Any

from tests.feedback.running import Feedback, customer

OPEN = "/v1/complaints"


def body(who: str, **more: Any) -> dict[str, Any]:
    return {"customer": {"id": who}, "channel": "web", "title": "Leaks", "body": "It drips."} | more


async def opened(feedback: Feedback, who: str | None = None, **more: Any) -> dict[str, Any]:
    async with feedback.operator() as agent:
        answer = await agent.post(OPEN, json=body(who or customer(), **more), headers=feedback.key())
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read(feedback: Feedback, complaint_id: str) -> dict[str, Any]:
    async with feedback.operator("viewer") as viewer:
        answer = await viewer.get(f"{OPEN}/{complaint_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
