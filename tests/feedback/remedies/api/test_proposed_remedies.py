"""An agent's remedy above the agent's limits waits for a manager, whose limits then hold."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.feedback.remedies.storage.tables import remedy, remedy_granter
from shared.approvals.tables import approval
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


async def test_a_complaint_shows_what_was_proposed_on_it_and_who_granted_and_approved(
    feedback: Feedback,
) -> None:
    who = customer()
    complaint_id = (await opened(feedback, who))["id"]
    await grant(feedback, complaint_id)
    proposed = await grant(feedback, complaint_id, 500, propose=True)
    path = f"/v1/complaints/{complaint_id}"
    async with feedback.operator("agent", name="ana") as client:
        (waiting,) = (await client.get(path)).json()["approvals"]
        await approve(feedback, proposed)
        after = (await client.get(path)).json()
    async with feedback.customer(who) as client:
        seen = (await client.get(path)).json()

    assert waiting == proposed.json()
    assert (waiting["address"], waiting["state"]) == (proposed.headers["Location"], "proposed")
    assert (waiting["fields"]["points"], waiting["deciders"]) == (500, ["admin", "manager"])
    assert [(shown["state"], shown["decided_by"]) for shown in after["approvals"]] == [
        ("approved", "operator:max")
    ]
    assert [(shown["requested_by"], shown["approved_by"]) for shown in after["remedies"]] == [
        ("ana", None),
        ("ana", "max"),
    ]
    assert seen["approvals"] == []
    assert [(shown["requested_by"], shown["approved_by"]) for shown in seen["remedies"]] == [(None, None)] * 2


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
    limited = feedback.again(remedy_points_manager_complaint_max=MOST + 1)
    complaint_id = (await opened(limited))["id"]
    await grant(limited, complaint_id)
    proposed = await grant(limited, complaint_id, 1, propose=True)
    assert (await grant(limited, complaint_id, 1, role="manager", by="li.lei")).status_code == 201

    failed = (await approve(limited, proposed)).json()
    managers = await grant(limited, complaint_id, 1, role="manager", by="max", propose=True)

    assert (failed["state"], failed["refusal"]) == ("failed", "remedy_above_complaint_limit")
    assert (managers.status_code, managers.json()["code"]) == (409, "remedy_above_complaint_limit")
    assert len(await limited.rows(remedy)) == 2


@pytest.mark.both_databases
async def test_what_no_manager_may_grant_is_not_proposed(feedback: Feedback) -> None:
    limited = feedback.again(
        remedy_points_agent_complaint_max=5,
        remedy_points_manager_complaint_max=50,
        remedy_points_manager_day_max=40,
    )
    complaint_id = (await opened(limited))["id"]
    assert (await grant(limited, complaint_id, 5)).status_code == 201

    refused = [await grant(limited, complaint_id, points, propose=True) for points in (46, 45, 41)]
    proposed = await grant(limited, complaint_id, 40, propose=True)

    assert [answer.json()["code"] for answer in refused] == ["remedy_above_every_limit"] * 3
    assert [answer.json()["points_left"] for answer in refused] == [45, 40, 40]
    assert proposed.status_code == 202
    assert [len(await limited.rows(table)) for table in (approval, remedy, remedy_granter)] == [1, 1, 1]


async def test_nothing_is_proposed_for_a_complaint_that_was_withdrawn(feedback: Feedback) -> None:
    who = customer()
    complaint_id = (await opened(feedback, who))["id"]
    async with feedback.customer(who) as client:
        withdrawn = await client.post(
            f"/v1/complaints/{complaint_id}/transitions",
            json={"action": "withdraw", "reason": "It works"},
            headers=feedback.key(),
        )
    assert withdrawn.is_success, withdrawn.text

    answer = await grant(feedback, complaint_id, propose=True)

    assert (answer.status_code, answer.json()["code"]) == (409, "remedy_not_possible")


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


async def test_an_operator_reads_beforehand_what_may_be_granted(feedback: Feedback) -> None:
    await grant(feedback, (await opened(feedback))["id"], 500)

    agents = await limits(feedback, "ana", "agent")

    assert [tuple(item.values())[1:] for item in agents] == [
        ("request", MOST, 0, MOST, None, "refusal"),
        ("object", 10_000, 0, 10_000, None, "proposal"),
        ("day", 30_000, 500, 29_500, agents[2]["resets_at"], "proposal"),
    ]
    assert {item["operation"] for item in agents} == {"grant_remedy"}
    managers = await limits(feedback, "max", "manager")
    assert [item["points_left"] for item in managers] == [MOST, 100_000, 500_000]
    assert {item["above"] for item in managers} == {"refusal"}
    assert await limits(feedback, "vera", "viewer") == []


async def limits(feedback: Feedback, name: str, role: Role) -> list[dict[str, Any]]:
    async with feedback.operator(role, name=name) as client:
        items: list[dict[str, Any]] = (await client.get("/v1/limits/me")).json()["items"]
    return items


async def test_a_remedy_above_what_one_may_have_is_refused_with_that_limit(feedback: Feedback) -> None:
    refused = await grant(feedback, (await opened(feedback))["id"], MOST + 1, propose=True)

    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["pointer"], error["code"]) == (422, "/points", "too_large")
    assert str(MOST) in error["detail"]
    assert "whoever grants it" in error["detail"]
