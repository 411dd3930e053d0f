"""An action on a complaint that is bound to what its caller has read."""

import asyncio

from tests.feedback.asking import OPEN, opened
from tests.feedback.running import Feedback


async def test_an_action_is_refused_when_a_message_came_meanwhile(feedback: Feedback) -> None:
    path = f"{OPEN}/{(await opened(feedback))['id']}"
    start = {"action": "start"}
    async with feedback.operator() as agent:
        seen = (await agent.get(path)).headers["etag"]
        said = await agent.post(f"{path}/messages", json={"kind": "note", "body": "It rang twice."})
        stale = await agent.post(f"{path}/transitions", json=start, headers={"If-Match": seen})
        seen = (await agent.get(path)).headers["etag"]
        moved = await agent.post(f"{path}/transitions", json=start, headers={"If-Match": seen})
        complaint = await agent.get(path)
        known = await agent.get(path, headers={"If-None-Match": complaint.headers["etag"]})

    assert said.status_code == 201, said.text
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert moved.status_code == 201, moved.text
    assert moved.headers["etag"] == f'"{moved.json()["version"]}"'
    assert complaint.json()["version"] == moved.json()["version"]
    assert known.status_code == 304


async def test_the_tag_of_one_action_fits_the_next(feedback: Feedback) -> None:
    path = f"{OPEN}/{(await opened(feedback))['id']}/transitions"
    async with feedback.operator() as agent:
        started = await agent.post(path, json={"action": "start"})
        tag = {"If-Match": started.headers["etag"]}
        escalated = await agent.post(path, json={"action": "escalate", "reason": "late"}, headers=tag)

    assert (started.status_code, escalated.status_code) == (201, 201), escalated.text


async def test_of_two_actions_on_one_version_one_is_taken(feedback: Feedback) -> None:
    path = f"{OPEN}/{(await opened(feedback))['id']}"
    escalate = {"action": "escalate", "reason": "late"}
    async with feedback.operator() as agent:
        await agent.post(f"{path}/transitions", json={"action": "start"})
        tag = {"If-Match": (await agent.get(path)).headers["etag"]}
        answers = await asyncio.gather(
            *(agent.post(f"{path}/transitions", json=escalate, headers=tag) for _ in range(4))
        )
        complaint = (await agent.get(path)).json()

    assert sorted(answer.status_code for answer in answers) == [201, 412, 412, 412]
    assert complaint["escalation_level"] == 1
