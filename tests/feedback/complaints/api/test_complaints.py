"""Complaints over HTTP: who may do and see what, and what is said to who may not."""

from datetime import timedelta
from typing import Any

import pytest

from services.feedback.complaints.domain.machine import Action
from shared.events.base import Cause
from shared.ids import new_id
from tests.feedback.running import Feedback, bought, customer, earned, erased, merged, refused, returned

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


async def test_a_customer_nobody_has_heard_of_is_not_turned_away(feedback: Feedback) -> None:
    answer = await opened(feedback)
    assert (answer["status"], set(answer)) == ("received", {"id", "number", "status", "clocks"})
    (clock,) = answer["clocks"]
    assert (clock["metric"], clock["cycle"], clock["verdict"]) == ("first_response", 1, "running")
    assert (clock["due_at"], clock["fulfilled_at"]) == ("2026-03-11T12:00:00Z", None)


async def test_opening_needs_an_idempotency_key_and_a_repeat_opens_nothing(feedback: Feedback) -> None:
    who, key = customer(), feedback.key()
    async with feedback.operator() as agent:
        missing = await agent.post(OPEN, json=body(who))
        first = await agent.post(OPEN, json=body(who), headers=key)
        again = await agent.post(OPEN, json=body(who), headers=key)
        other = await agent.post(OPEN, json=body(who, title="Other"), headers=key)
        listed = await agent.get(OPEN, params={"customer_id": who})
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_required")
    assert (again.status_code, again.headers["Idempotency-Hit"], again.json()) == (201, "true", first.json())
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(listed.json()["items"]) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"customer": {"id": "cus_1"}},
        {"customer": None},
        {"channel": "<b>"},
        {"title": ""},
        {"body": " \u3000\n"},
        {"unknown": 1},
        {"contact_at": "2026-03-10T11:00:00"},
        {"contact_at": "2026-03-10T12:00:01Z"},
        {"contact_at": "2026-02-08T11:59:59Z"},
        {"order": {"source": "web"}},
        {"follows": "cmp_00000000000000000000000000"},
    ],
)
async def test_what_cannot_be_a_complaint_is_a_422_and_writes_nothing(
    feedback: Feedback, change: dict[str, Any]
) -> None:
    async with feedback.operator() as agent:
        answer = await agent.post(OPEN, json=body(customer()) | change, headers=feedback.key())
        listed = await agent.get(OPEN)
    assert answer.status_code == 422, answer.text
    assert listed.json()["items"] == []


async def test_the_contact_starts_the_clock_and_one_of_yesterday_is_late_at_once(feedback: Feedback) -> None:
    answer = await opened(feedback, contact_at="2026-03-09T11:00:00Z")
    (clock,) = answer["clocks"]
    assert (clock["verdict"], clock["due_at"]) == ("breached", "2026-03-10T11:00:00Z")
    (told,) = (await read(feedback, answer["id"]))["sla_events"]
    assert (told["kind"], told["occurred_at"]) == ("breached", "2026-03-10T11:00:00Z")
    assert told["detected_at"] == "2026-03-10T12:00:00Z"


async def test_a_customer_complains_for_themselves_and_does_not_set_the_time(feedback: Feedback) -> None:
    who = customer()
    plain = {"channel": "app", "title": "Leaks", "body": "It drips."}
    async with feedback.customer(who) as token:
        own = await token.post(OPEN, json=plain, headers=feedback.key())
        named = await token.post(OPEN, json=body(who), headers=feedback.key())
        other = await token.post(OPEN, json=body(customer()), headers=feedback.key())
        dated = await token.post(
            OPEN, json=plain | {"contact_at": "2026-03-10T11:00:00Z"}, headers=feedback.key()
        )
    assert (own.status_code, named.status_code) == (201, 201)
    assert (other.status_code, other.json()["code"]) == (403, "other_customer_named")
    assert (dated.status_code, dated.json()["code"]) == (422, "contact_at_refused")
    assert (await read(feedback, own.json()["id"]))["opened_by"] == "customer"


async def test_a_customer_sees_their_own_complaint_without_what_is_ours_to_know(feedback: Feedback) -> None:
    who = customer()
    complaint_id = (await opened(feedback, who))["id"]
    await feedback.act(complaint_id, Action.START, reason="looks serious")
    await feedback.say(complaint_id, "note")
    await feedback.say(complaint_id)
    async with feedback.customer(who) as token:
        seen = (await token.get(f"{OPEN}/{complaint_id}")).json()
        (listed,) = (await token.get(OPEN)).json()["items"]
    assert (listed["id"], listed["owner"]) == (complaint_id, None)
    assert [message["kind"] for message in seen["messages"]] == ["agent"]
    assert (seen["owner"], seen["messages"][0]["author"], seen["transitions"][0]["reason"]) == (
        None,
        None,
        None,
    )
    assert (seen["follow_ups"], seen["sla_events"]) == ([], [])
    assert (seen["title"], seen["body"], seen["allowed"]) == ("Leaks", "It drips.", ["withdraw"])


async def test_anothers_complaint_looks_like_one_that_is_not_there(feedback: Feedback) -> None:
    complaint_id = (await opened(feedback))["id"]
    unknown = new_id("cmp")
    async with feedback.customer(customer()) as other, feedback.partner("acme") as partner:
        for caller in (other, partner):
            for path, sent in (("", None), ("/messages", {"kind": "customer", "body": "hi"})):
                answers = [
                    await (
                        caller.get(f"{OPEN}/{name}{path}")
                        if sent is None
                        else caller.post(f"{OPEN}/{name}{path}", json=sent)
                    )
                    for name in (complaint_id, unknown)
                ]
                theirs, missing = ({**one.json(), "request_id": ""} for one in answers)
                assert theirs == missing
                assert {one.status_code for one in answers} == {404}
        moved = await other.post(
            f"{OPEN}/{complaint_id}/transitions", json={"action": "withdraw", "reason": "x"}
        )
        assert moved.status_code == 404
        assert (await other.get(OPEN)).json()["items"] == []
        assert (await other.get(OPEN, params={"customer_id": customer()})).status_code == 404


async def test_a_partner_sees_what_it_brought(feedback: Feedback) -> None:
    async with feedback.partner("acme") as partner:
        answer = await partner.post(
            OPEN, json=body(customer(), contact_at="2026-03-10T11:00:00Z"), headers=feedback.key()
        )
        complaint_id = answer.json()["id"]
        seen = await partner.get(f"{OPEN}/{complaint_id}")
        listed = await partner.get(OPEN)
        note = await partner.post(f"{OPEN}/{complaint_id}/messages", json={"kind": "note", "body": "hi"})
    assert (answer.status_code, seen.status_code) == (201, 200)
    assert [one["id"] for one in listed.json()["items"]] == [complaint_id]
    assert (note.status_code, note.json()["code"]) == (403, "message_kind_forbidden")


async def test_only_who_handles_complaints_writes(feedback: Feedback) -> None:
    complaint_id = (await opened(feedback))["id"]
    async with feedback.operator("viewer", "analyst") as viewer, feedback.customer(customer()) as token:
        assert (await viewer.post(OPEN, json=body(customer()), headers=feedback.key())).status_code == 403
        remedy = {"kind": "points", "points": 5, "reason": "x"}
        for caller in (viewer, token):
            answer = await caller.post(f"{OPEN}/{complaint_id}/remedies", json=remedy, headers=feedback.key())
            assert answer.status_code == 403


async def test_an_action_that_is_not_legal_is_a_409_that_names_those_that_are(feedback: Feedback) -> None:
    complaint_id = (await opened(feedback))["id"]
    async with feedback.operator() as agent:
        answer = await agent.post(f"{OPEN}/{complaint_id}/transitions", json={"action": "resume"})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert answer.json()["allowed"] == ["acknowledge", "start", "withdraw", "reject", "merge", "escalate"]


async def test_a_complaint_is_worked_off_over_http(feedback: Feedback) -> None:
    complaint_id = (await opened(feedback))["id"]
    path = f"{OPEN}/{complaint_id}"
    async with feedback.operator() as agent:

        async def act(**wanted: Any) -> Any:
            return await agent.post(f"{path}/transitions", json=wanted)

        assert (await act(action="start")).json()["owner"] == "ana"
        early = await act(action="answer")
        assert (early.status_code, early.json()["code"]) == (409, "answer_required")
        said = await agent.post(
            f"{path}/messages", json={"kind": "agent", "body": "A new one is on its way."}
        )
        assert (said.status_code, said.json()["complaint"]["clocks"][0]["verdict"]) == (201, "met")
        assert (await act(action="answer")).json()["status"] == "answered"
        follow_up = {"method": "phone", "result": "satisfied", "note": "glad"}
        assert (await act(action="follow_up", follow_up=follow_up)).json()["status"] == "following_up"
        closed = await act(action="close", outcome="won_back")
        assert (closed.status_code, closed.json()["outcome"]) == (201, "won_back")
        assert closed.json()["allowed"] == ["reopen"]
        reopened = await act(action="reopen", reason="it drips again")
        assert (reopened.json()["cycle"], len(reopened.json()["clocks"])) == (2, 2)
    seen = await read(feedback, complaint_id)
    assert [one["action"] for one in seen["transitions"]] == [
        "start",
        "answer",
        "follow_up",
        "close",
        "reopen",
    ]
    assert (seen["transitions"][-1]["reason"], seen["follow_ups"][0]["note"]) == ("it drips again", "glad")


async def test_a_customer_may_withdraw_and_refuse_and_nothing_else(feedback: Feedback) -> None:
    who = customer()
    complaint_id = (await opened(feedback, who))["id"]
    async with feedback.customer(who) as token:
        start = await token.post(f"{OPEN}/{complaint_id}/transitions", json={"action": "start"})
        gone = await token.post(
            f"{OPEN}/{complaint_id}/transitions", json={"action": "withdraw", "reason": "fine now"}
        )
    assert (start.status_code, start.json()["code"]) == (403, "action_forbidden")
    assert (gone.status_code, gone.json()["outcome"], gone.json()["owner"]) == (201, "withdrawn", None)


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
    "change", [{"points": 0}, {"points": -5}, {"points": 1.5}, {"points": "5"}, {"kind": "gold"}]
)
async def test_a_remedy_that_is_none_is_a_422(feedback: Feedback, change: dict[str, Any]) -> None:
    complaint_id = (await opened(feedback))["id"]
    async with feedback.operator() as agent:
        wanted = {"kind": "points", "points": 5, "reason": "sorry"} | change
        answer = await agent.post(f"{OPEN}/{complaint_id}/remedies", json=wanted, headers=feedback.key())
    assert answer.status_code == 422


async def test_the_order_is_shown_whether_it_came_before_or_after(feedback: Feedback) -> None:
    who = customer()
    complaint_id = (await opened(feedback, who, order={"source": "web", "order_id": "1001"}))["id"]
    order = (await read(feedback, complaint_id))["order"]
    assert (order["source"], order["order_id"], order["state"]) == ("web", "1001", "not_seen_yet")
    purchase = bought(who)
    await feedback.deliver(returned(purchase))
    await feedback.deliver(purchase)
    order = (await read(feedback, complaint_id))["order"]
    assert (order["state"], order["purchase_id"], order["amount_minor"]) == (
        "known",
        purchase.purchase_id,
        1000,
    )
    assert order["lines"] == [{"line": 1, "sku": "kettle", "quantity": 1, "amount_minor": 1000}]
    assert [one["amount_minor"] for one in order["returns"]] == [1000]


async def test_another_customers_order_is_refused_to_customers_and_marked_for_operators(
    feedback: Feedback,
) -> None:
    who, other = customer(), customer()
    await feedback.deliver(bought(other))
    reference = {"source": "web", "order_id": "1001"}
    async with feedback.customer(who) as token:
        answer = await token.post(OPEN, json=body(who, order=reference), headers=feedback.key())
    assert (answer.status_code, answer.json()["code"]) == (422, "order_of_other_customer")
    complaint_id = (await opened(feedback, who, order=reference))["id"]
    assert (await read(feedback, complaint_id))["order"]["order_of_other_customer"] is True
    async with feedback.customer(who) as token:
        hidden = (await token.get(f"{OPEN}/{complaint_id}")).json()["order"]
    assert (hidden["state"], hidden["amount_minor"], hidden["lines"]) == ("not_seen_yet", None, [])
    await feedback.deliver(merged(other, into=who))
    assert (await read(feedback, complaint_id))["order"]["order_of_other_customer"] is False


async def test_complaints_follow_a_merge(feedback: Feedback) -> None:
    loser, survivor = customer(), customer()
    complaint_id = (await opened(feedback, loser))["id"]
    await feedback.deliver(merged(loser, into=survivor))
    assert (await read(feedback, complaint_id))["customer_id"] == survivor
    async with feedback.customer(survivor) as token:
        assert [one["id"] for one in (await token.get(OPEN)).json()["items"]] == [complaint_id]
    async with feedback.operator() as agent:
        for name in (loser, survivor):
            (listed,) = (await agent.get(OPEN, params={"customer_id": name})).json()["items"]
            assert listed["customer_id"] == survivor


async def test_an_erased_customers_complaint_has_no_words_left(feedback: Feedback) -> None:
    who = customer()
    complaint_id = (await opened(feedback, who))["id"]
    await feedback.deliver(erased(who))
    seen = await read(feedback, complaint_id)
    assert (seen["title"], seen["body"], seen["outcome"]) == (None, None, "withdrawn")
    async with feedback.operator() as agent:
        assert (await agent.get(OPEN)).json()["items"][0]["title"] is None
        answer = await agent.post(f"{OPEN}/{complaint_id}/messages", json={"kind": "agent", "body": "hello"})
    assert (answer.status_code, answer.json()["code"]) == (410, "customer_erased")


async def test_the_list_is_filtered_and_paged_to_its_end(feedback: Feedback) -> None:
    ids = [(await opened(feedback))["id"] for _ in range(5)]
    await feedback.act(ids[0], Action.WITHDRAW, reason="x")
    await feedback.act(ids[1], Action.START)
    async with feedback.operator() as agent:
        seen, cursor = [], None
        while True:
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await agent.get(OPEN, params=params)).json()
            seen += [one["id"] for one in page["items"]]
            if (cursor := page["next_cursor"]) is None:
                break

        async def listed(**params: str) -> list[str]:
            return [one["id"] for one in (await agent.get(OPEN, params=params)).json()["items"]]

        assert seen == ids[::-1]
        assert (await agent.get(OPEN, params={"limit": 5})).json()["next_cursor"] is None
        assert await listed(status="open") == ids[:0:-1]
        assert await listed(status="closed") == [ids[0]]
        assert await listed(owner="ana") == [ids[1]]
        assert await listed(channel="phone") == []
        assert (await agent.get(OPEN, params={"state": "open"})).status_code == 422


async def test_a_reply_dated_back_is_confirmed_by_a_manager_only(feedback: Feedback) -> None:
    complaint_id = (await opened(feedback))["id"]
    feedback.clock.advance(timedelta(hours=25))
    async with feedback.operator() as agent, feedback.operator("manager", name="max") as manager:
        sent = {"kind": "agent", "body": "called back", "occurred_at": "2026-03-10T13:00:00Z"}
        answer = (await agent.post(f"{OPEN}/{complaint_id}/messages", json=sent)).json()
        assert answer["complaint"]["clocks"][0]["verdict"] == "breached"
        path = f"{OPEN}/{complaint_id}/messages/{answer['id']}/confirmations"
        assert (await agent.post(path)).status_code == 403
        confirmed = await manager.post(path)
        assert confirmed.json()["clocks"][0]["verdict"] == "met"
        assert (await manager.post(path)).status_code == 409


async def test_a_later_complaint_follows_an_earlier_one_of_the_same_customer(feedback: Feedback) -> None:
    who = customer()
    first = (await opened(feedback, who))["id"]
    second = (await opened(feedback, who, follows=first))["id"]
    assert (await read(feedback, second))["follows"] == first
    async with feedback.operator() as agent:
        answer = await agent.post(OPEN, json=body(customer(), follows=first), headers=feedback.key())
    assert (answer.status_code, answer.json()["code"]) == (422, "follows_refused")
