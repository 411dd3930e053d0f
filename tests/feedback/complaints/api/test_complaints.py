"""Complaints over HTTP: opened, listed, talked about and moved, by the callers that may."""

from datetime import timedelta
from typing import Any

import pytest

from services.feedback.complaints.domain.machine import Actor, ActorKind, ComplaintAction
from services.feedback.complaints.storage.tables import complaint
from shared.ids import new_id
from tests.feedback.asking import OPEN, body, opened, read
from tests.feedback.running import Feedback, customer, merged, registered


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
                theirs, missing = ({**answer.json(), "request_id": ""} for answer in answers)
                assert theirs == missing
                assert {answer.status_code for answer in answers} == {404}
        moved = await other.post(
            f"{OPEN}/{complaint_id}/transitions", json={"action": "withdraw", "reason": "x"}
        )
        assert moved.status_code == 404
        assert (await other.get(OPEN)).json()["items"] == []
        foreign = await other.get(OPEN, params={"customer_id": customer()})
        assert (foreign.status_code, foreign.json()) == (200, {"items": [], "next_cursor": None})


async def test_a_partner_sees_what_it_brought(feedback: Feedback) -> None:
    who = customer()
    await feedback.deliver(registered(who, "partner:acme"))
    async with feedback.partner("acme") as partner:
        answer = await partner.post(
            OPEN, json=body(who, contact_at="2026-03-10T11:00:00Z"), headers=feedback.key()
        )
        complaint_id = answer.json()["id"]
        seen = await partner.get(f"{OPEN}/{complaint_id}")
        listed = await partner.get(OPEN)
        note = await partner.post(f"{OPEN}/{complaint_id}/messages", json={"kind": "note", "body": "hi"})
    assert (answer.status_code, seen.status_code) == (201, 200)
    assert [complaint["id"] for complaint in listed.json()["items"]] == [complaint_id]
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
    async with feedback.operator("manager") as manager:
        answer = await manager.post(f"{OPEN}/{complaint_id}/transitions", json={"action": "resume"})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert answer.json()["allowed"] == ["acknowledge", "start", "withdraw", "reject", "merge", "escalate"]


@pytest.mark.both_databases
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
    assert [transition["action"] for transition in seen["transitions"]] == [
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


@pytest.mark.both_databases
async def test_the_list_is_filtered_and_paged_to_its_end(feedback: Feedback) -> None:
    ids = [(await opened(feedback))["id"] for _ in range(5)]
    await feedback.act(ids[0], ComplaintAction.WITHDRAW, reason="x")
    await feedback.act(
        ids[1], ComplaintAction.START, actor=Actor(ActorKind.AGENT, feedback.context.vault.conceal("ana"))
    )
    async with feedback.operator() as agent:
        seen, cursor = [], None
        while True:
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await agent.get(OPEN, params=params)).json()
            seen += [complaint["id"] for complaint in page["items"]]
            if (cursor := page["next_cursor"]) is None:
                break

        async def listed(**params: str) -> list[str]:
            page = (await agent.get(OPEN, params=params)).json()
            return [complaint["id"] for complaint in page["items"]]

        assert seen == ids[::-1]
        assert (await agent.get(OPEN, params={"limit": 5})).json()["next_cursor"] is None
        assert await listed(status="open") == ids[:0:-1]
        assert await listed(status="closed") == [ids[0]]
        (started,) = [item for item in (await agent.get(OPEN)).json()["items"] if item["owner"]]
        assert (started["id"], started["owner"]) == (ids[1], "ana")
        assert started["owner_id"] == feedback.context.vault.conceal("ana")
        assert await listed(owner_id="me") == await listed(owner_id=started["owner_id"]) == [ids[1]]
        login = await agent.get(OPEN, params={"owner_id": "ana"})
        assert (login.status_code, login.json()["errors"][0]["pointer"]) == (422, "/query/owner_id")
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


@pytest.mark.both_databases
async def test_a_message_on_a_merged_complaint_is_answered_with_the_one_that_goes_on(
    feedback: Feedback,
) -> None:
    who = customer()
    first, second = (await opened(feedback, who))["id"], (await opened(feedback, who))["id"]
    await feedback.act(first, ComplaintAction.MERGE, duplicate_of=second)
    async with feedback.customer(who) as token:
        said = {"kind": "customer", "body": "And now?"}
        answer = await token.post(f"{OPEN}/{first}/messages", json=said)
    assert (answer.status_code, answer.json()["complaint"]["id"]) == (201, second)
    assert [message["body"] for message in (await read(feedback, second))["messages"]][-1] == "And now?"
    assert (await read(feedback, first))["messages"] == []


async def test_a_partner_is_not_shown_a_complaint_that_it_did_not_bring(feedback: Feedback) -> None:
    who = customer()
    await feedback.deliver(registered(who, "partner:acme"))
    async with feedback.partner("acme") as partner:
        first = (await partner.post(OPEN, json=body(who), headers=feedback.key())).json()["id"]
        second = (await opened(feedback, who))["id"]
        await feedback.act(first, ComplaintAction.MERGE, duplicate_of=second)
        said = {"kind": "customer", "body": "And now?"}
        answer = await partner.post(f"{OPEN}/{first}/messages", json=said)
    assert (answer.status_code, answer.json()["complaint"]["id"]) == (201, first)
    assert [message["body"] for message in (await read(feedback, second))["messages"]][-1] == "And now?"


async def test_a_merge_of_customers_tells_a_partner_nothing(feedback: Feedback) -> None:
    who, second, survivor = customer(), customer(), customer()
    for brought in (who, second):
        await feedback.deliver(registered(brought, "partner:acme"))
    async with feedback.partner("acme") as partner:
        mine = (await partner.post(OPEN, json=body(who), headers=feedback.key())).json()["id"]
        await partner.post(OPEN, json=body(second), headers=feedback.key())
        theirs = (await opened(feedback, survivor))["id"]
        for brought in (who, second):
            await feedback.deliver(merged(brought, into=survivor))
        await feedback.act(mine, ComplaintAction.MERGE, duplicate_of=theirs)
        answers = [
            await partner.get(f"{OPEN}/{mine}"),
            await partner.get(OPEN, params={"customer_id": who}),
        ]
        everything = await partner.get(OPEN)
        guessed = await partner.get(OPEN, params={"customer_id": survivor})
    for answer in answers:
        assert who in answer.text
        assert second not in answer.text
        assert survivor not in answer.text
        assert theirs not in answer.text
    assert {item["customer_id"] for item in everything.json()["items"]} == {who, second}
    assert guessed.json()["items"] == []
    seen = await read(feedback, mine)
    assert (seen["customer_id"], seen["duplicate_of"]) == (survivor, theirs)


async def test_a_partners_message_after_the_end_opens_a_complaint_that_follows(feedback: Feedback) -> None:
    who = customer()
    await feedback.deliver(registered(who, "partner:acme"))
    said = {"kind": "customer", "body": "And now?", "occurred_at": "2026-04-09T12:00:01Z"}
    async with feedback.partner("acme") as partner:
        first = (await partner.post(OPEN, json=body(who), headers=feedback.key())).json()["id"]
        await feedback.close(first)
    feedback.clock.advance(timedelta(days=31))
    async with feedback.partner("acme") as partner:
        answer = (await partner.post(f"{OPEN}/{first}/messages", json=said)).json()["complaint"]
        seen = (await partner.get(f"{OPEN}/{answer['id']}")).json()
        assert (seen["follows"], seen["opened_by"], seen["body"]) == (first, "partner", "And now?")
        assert seen["clocks"][0]["started_at"] == "2026-04-09T12:00:01Z"

        # Merged into a complaint of the shop's that is over too, it goes on where that one goes on.
        second = (await partner.post(OPEN, json=body(who), headers=feedback.key())).json()["id"]
        third = (await opened(feedback, who))["id"]
        await feedback.act(second, ComplaintAction.MERGE, duplicate_of=third)
        await feedback.close(third)
    feedback.clock.advance(timedelta(days=31))
    async with feedback.partner("acme") as partner:
        sent = said | {"occurred_at": "2026-05-11T12:00:00Z"}
        answer = (await partner.post(f"{OPEN}/{second}/messages", json=sent)).json()
    assert answer["complaint"]["id"] == second
    (follower,) = await feedback.rows(complaint, complaint.c.follows == third)
    opened_by = feedback.context.vault.reveal(follower.opened_by_id)
    assert (follower.opened_by, opened_by) == ("agent", "ana")
    assert follower.opened_by_id != opened_by
    assert await feedback.drift() == []
