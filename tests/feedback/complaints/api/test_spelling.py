"""A filter takes every spelling that a body takes, and refuses a name that nothing has."""

import pytest

from tests.feedback.asking import OPEN, opened
from tests.feedback.running import Feedback


@pytest.mark.parametrize("spelling", ["e_mail", "E-Mail", " e mail ", "Ｅ－Ｍａｉｌ"])
async def test_a_channel_is_found_in_every_spelling(feedback: Feedback, spelling: str) -> None:
    complaint = await opened(feedback, channel=spelling)
    async with feedback.operator() as agent:
        answer = await agent.get(OPEN, params={"channel": spelling})
        plain = await agent.get(OPEN, params={"channel": "e_mail"})
    assert [item["id"] for item in answer.json()["items"]] == [complaint["id"]]
    assert answer.json() == plain.json()


async def test_a_number_is_found_in_every_spelling(feedback: Feedback) -> None:
    complaint = await opened(feedback)
    async with feedback.operator() as agent:
        for spelling in (complaint["number"].lower(), f" {complaint['number']}\u200b"):
            answer = await agent.get(OPEN, params={"number": spelling})
            assert [item["id"] for item in answer.json()["items"]] == [complaint["id"]]


async def test_an_operation_that_does_not_exist_is_refused(feedback: Feedback) -> None:
    await opened(feedback)
    async with feedback.operator("admin") as admin:
        known = await admin.get("/v1/audit", params={"operation": " open_complaint"})
        close = await admin.get("/v1/audit", params={"operation": "open_complaints"})
    assert (known.status_code, len(known.json()["items"])) == (200, 1)
    assert (close.status_code, close.json()["errors"]) == (
        422,
        [
            {
                "pointer": "/query/operation",
                "code": "not_allowed",
                "detail": "There is no such name here. Did you mean `open_complaint`?",
            }
        ],
    )
