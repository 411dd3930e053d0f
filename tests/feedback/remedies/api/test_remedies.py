"""Remedies over HTTP: granted, retried, and shown with their answers."""

from datetime import timedelta
from typing import Any

import pytest

from shared.events.base import Cause
from shared.ids import new_id
from tests.feedback.asking import OPEN, opened, read
from tests.feedback.running import Feedback, customer, earned, refused


@pytest.mark.both_databases
async def test_a_remedy_is_granted_once_and_shown_as_settled_when_it_was_paid(feedback: Feedback) -> None:
    who = customer()
    complaint_id = (await opened(feedback, who))["id"]
    key, wanted = feedback.key(), {"kind": "points", "points": 200, "reason": "sorry"}
    async with feedback.operator() as agent:
        first = await agent.post(f"{OPEN}/{complaint_id}/remedies", json=wanted, headers=key)
        again = await agent.post(f"{OPEN}/{complaint_id}/remedies", json=wanted, headers=key)
    assert (first.status_code, first.json()["status"], again.json()) == (201, "granted", first.json())
    feedback.clock.advance(timedelta(hours=1))
    await feedback.deliver(earned(who, Cause(kind="remedy", id=first.json()["id"])))
    (shown,) = (await read(feedback, complaint_id))["remedies"]
    assert (shown["status"], shown["points"], shown["reason"]) == ("settled", 200, "sorry")
    assert shown["transaction_id"].startswith("txn_")
    assert (shown["granted_at"], shown["settled_at"]) == ("2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z")


async def test_a_refused_remedy_shows_why_and_only_an_overdue_one_is_retried(feedback: Feedback) -> None:
    who = customer()
    complaint_id = (await opened(feedback, who))["id"]
    wanted = {"kind": "points", "points": 200, "reason": "sorry"}
    async with feedback.operator() as agent:
        remedy_id = (
            await agent.post(f"{OPEN}/{complaint_id}/remedies", json=wanted, headers=feedback.key())
        ).json()["id"]
        await feedback.deliver(refused(who, remedy_id))
        retried = await agent.post(f"{OPEN}/{complaint_id}/remedies/{remedy_id}/retries")
        unknown = await agent.post(f"{OPEN}/{complaint_id}/remedies/{new_id('rem')}/retries")
    (shown,) = (await read(feedback, complaint_id))["remedies"]
    assert (shown["status"], shown["refusal_code"]) == ("refused", "unknown_member")
    assert (retried.status_code, retried.json()["code"]) == (409, "remedy_not_overdue")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "remedy_not_found")


@pytest.mark.parametrize(
    "change",
    [{"points": 0}, {"points": 10_001}, {"points": -5}, {"points": 1.5}, {"points": "5"}, {"kind": "gold"}],
)
async def test_a_remedy_that_is_none_is_a_422(feedback: Feedback, change: dict[str, Any]) -> None:
    complaint_id = (await opened(feedback))["id"]
    async with feedback.operator() as agent:
        wanted = {"kind": "points", "points": 5, "reason": "sorry"} | change
        answer = await agent.post(f"{OPEN}/{complaint_id}/remedies", json=wanted, headers=feedback.key())
    assert answer.status_code == 422


@pytest.mark.both_databases
async def test_who_may_grant_is_told_beforehand_how_much_and_refused_above_it(feedback: Feedback) -> None:
    complaint_id = (await opened(feedback))["id"]
    path = f"{OPEN}/{complaint_id}"
    wanted = {"kind": "points", "points": 10_000, "reason": "sorry"}
    async with feedback.operator() as agent, feedback.operator("manager") as manager:
        before = (await agent.get(path)).json()["remedy_limits"]
        answers = [
            await agent.post(f"{path}/remedies", json=wanted, headers=feedback.key()) for _ in range(12)
        ]
        after = (await agent.get(path)).json()["remedy_limits"]
        of_manager = (await manager.get(path)).json()["remedy_limits"]
        more = await manager.post(f"{path}/remedies", json=wanted, headers=feedback.key())
    assert [(limit["scope"], limit["points_left"]) for limit in before] == [
        ("object", 10_000),
        ("day", 30_000),
    ]
    assert [answer.status_code for answer in answers] == [201] + [409] * 11
    assert answers[1].json()["code"] == "remedy_above_complaint_limit"
    assert "at most 0" in answers[1].json()["detail"]
    assert [limit["points_left"] for limit in after] == [0, 20_000]
    assert [limit["points_left"] for limit in of_manager] == [90_000, 490_000]
    assert more.status_code == 201
    assert (await read(feedback, complaint_id))["remedy_limits"] == []


async def test_who_tries_a_remedy_again_twice_is_told_which_one_did(feedback: Feedback) -> None:
    who = customer()
    path = f"{OPEN}/{(await opened(feedback, who))['id']}/remedies"
    wanted = {"kind": "points", "points": 5, "reason": "sorry"}
    async with feedback.operator() as agent:
        first = (await agent.post(path, json=wanted, headers=feedback.key())).json()["id"]
        await feedback.deliver(refused(who, first))
        retry = wanted | {"retry_of": first}
        second = await agent.post(path, json=retry, headers=feedback.key())
        third = await agent.post(path, json=retry, headers=feedback.key())
    assert (second.status_code, third.status_code) == (201, 409)
    assert third.json()["code"] == "retried_already"
    assert second.json()["id"] in third.json()["detail"]


async def test_only_a_refused_remedy_of_the_complaint_is_tried_again(feedback: Feedback) -> None:
    path = f"{OPEN}/{(await opened(feedback))['id']}/remedies"
    body = {"kind": "points", "points": 5, "reason": "sorry", "retry_of": new_id("rem")}
    async with feedback.operator() as agent:
        answer = await agent.post(path, json=body, headers=feedback.key())

    assert (answer.status_code, answer.json()["code"]) == (409, "retry_of_refused_only")
