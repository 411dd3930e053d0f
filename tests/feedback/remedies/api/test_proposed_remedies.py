"""An agent's remedy above the agent's limits waits for a manager, whose limits then hold."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.feedback.remedies.storage.tables import remedy
from shared.auth.principal import Role
from shared.http.approvals import ACCEPTED
from shared.limits import REMEDY_POINTS_MAX
from tests.feedback.asking import opened, read
from tests.feedback.running import Feedback, customer, erased

MOST = REMEDY_POINTS_MAX


async def grant(
    feedback: Feedback,
    complaint_id: str,
    points: int = MOST,
    *,
    role: Role = "agent",
    by: str = "ana",
    **more: Any,
) -> httpx2.Response:
    async with feedback.operator(role, name=by) as client:
        body = {"kind": "points", "points": points, "reason": "The kettle leaked", **more}
        return await client.post(f"/v1/complaints/{complaint_id}/remedies", json=body, headers=feedback.key())


async def approve(
    feedback: Feedback, proposed: httpx2.Response, *, role: Role = "manager", by: str = "max"
) -> httpx2.Response:
    assert proposed.status_code == 202, proposed.text
    async with feedback.operator(role, name=by) as client:
        return await client.post(f"{proposed.headers['Location']}:approve")


async def left(feedback: Feedback, complaint_id: str, role: Role, by: str) -> list[int]:
    async with feedback.operator(role, name=by) as client:
        limits = (await client.get(f"/v1/complaints/{complaint_id}")).json()["remedy_limits"]
    return [limit["points_left"] for limit in limits]


@pytest.mark.both_databases
async def test_a_manager_grants_what_an_agent_may_not(feedback: Feedback) -> None:
    complaint_id = (await opened(feedback))["id"]
    within = await grant(feedback, complaint_id, propose=True)
    refused = await grant(feedback, complaint_id, 500)
    proposed = await grant(feedback, complaint_id, 500, propose=True)
    waiting = (await read(feedback, complaint_id))["remedies"]

    assert (within.status_code, refused.status_code) == (201, 409)
    assert proposed.json()["fields"] == {"kind": "points", "points": 500, "retry_of": None}
    assert [shown["points"] for shown in waiting] == [MOST]

    agents = await approve(feedback, proposed, role="agent", by="li.lei")
    own = await approve(feedback, proposed, by="ana")
    tried = [approve(feedback, proposed, by=f"manager-{number}") for number in range(3)]
    answers = await asyncio.gather(*tried)

    assert (agents.json()["code"], own.json()["code"]) == ("forbidden", "own_proposal")
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    (approved,) = [answer.json() for answer in answers if answer.is_success]
    assert (approved["state"], approved["created"]) == ("approved", f"/v1/complaints/{complaint_id}")
    assert [shown["points"] for shown in (await read(feedback, complaint_id))["remedies"]] == [MOST, 500]
    first, second = sorted(await feedback.rows(remedy), key=lambda row: row.points, reverse=True)
    assert first.approved_by is None
    assert [feedback.vault.reveal(name) for name in (second.requested_by, second.approved_by)] == [
        "ana",
        approved["decided_by"].removeprefix("operator:"),
    ]
    assert await feedback.drift() == []


async def test_what_a_manager_approves_counts_for_the_manager(feedback: Feedback) -> None:
    complaint_id = (await opened(feedback))["id"]
    await grant(feedback, complaint_id)
    before = await left(feedback, complaint_id, "agent", "ana")
    assert (await approve(feedback, await grant(feedback, complaint_id, 500, propose=True))).is_success

    assert before == [0, 20_000]
    assert await left(feedback, complaint_id, "agent", "ana") == before
    assert await left(feedback, complaint_id, "manager", "max") == [100_000 - MOST - 500, 500_000 - 500]


async def test_above_the_managers_limits_an_approval_fails_and_a_manager_proposes_nothing(
    feedback: Feedback,
) -> None:
    limited = feedback.again(remedy_points_manager_complaint_max=MOST)
    complaint_id = (await opened(limited))["id"]
    await grant(limited, complaint_id)

    failed = (await approve(limited, await grant(limited, complaint_id, 1, propose=True))).json()
    managers = await grant(limited, complaint_id, 1, role="manager", by="max", propose=True)

    assert (failed["state"], failed["refusal"]) == ("failed", "remedy_above_complaint_limit")
    assert (managers.status_code, managers.json()["code"]) == (409, "remedy_above_complaint_limit")
    assert len(await limited.rows(remedy)) == 1


async def test_the_day_of_an_agent_is_a_limit_that_can_be_proposed_beyond(feedback: Feedback) -> None:
    for _ in range(3):
        assert (await grant(feedback, (await opened(feedback))["id"])).status_code == 201
    complaint_id = (await opened(feedback))["id"]

    refused = await grant(feedback, complaint_id, 1)
    assert (refused.status_code, refused.json()["code"]) == (409, "remedy_above_day_limit")
    assert (await grant(feedback, complaint_id, 1, propose=True)).status_code in ACCEPTED
    feedback.clock.advance(timedelta(days=1))
    assert (await grant(feedback, complaint_id, 1, propose=True)).status_code == 201


async def test_a_remedy_for_an_erased_customer_is_not_granted(feedback: Feedback) -> None:
    who = customer()
    complaint_id = (await opened(feedback, who))["id"]
    await grant(feedback, complaint_id)
    proposed = await grant(feedback, complaint_id, 1, propose=True)
    await feedback.deliver(erased(who))

    failed = (await approve(feedback, proposed)).json()

    assert (failed["state"], failed["refusal"]) == ("failed", "customer_erased")
    assert (failed["fields"], failed["reason"]) == (None, None)
