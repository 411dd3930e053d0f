"""The case file over HTTP: everything about a complaint, as far as its reader may see it."""

import pytest

from services.feedback.complaints.domain.machine import ComplaintAction
from tests.feedback.asking import OPEN, body, opened, read
from tests.feedback.running import Feedback, bought, customer, erased, merged, returned


async def test_a_customer_sees_their_own_complaint_without_what_is_ours_to_know(feedback: Feedback) -> None:
    who = customer()
    complaint_id = (await opened(feedback, who))["id"]
    await feedback.act(complaint_id, ComplaintAction.START, reason="looks serious")
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


@pytest.mark.both_databases
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
    assert [order_return["amount_minor"] for order_return in order["returns"]] == [1000]


@pytest.mark.parametrize("order_first", [True, False])
async def test_another_customers_order_is_not_seen_by_customers_and_marked_for_operators(
    feedback: Feedback, order_first: bool
) -> None:
    who, other = customer(), customer()
    if order_first:
        await feedback.deliver(bought(other))
    reference = {"source": "web", "order_id": "1001"}
    async with feedback.customer(who) as token:
        answer = await token.post(OPEN, json=body(who, order=reference), headers=feedback.key())
        assert answer.status_code == 201
        complaint_id = answer.json()["id"]
        before = (await token.get(f"{OPEN}/{complaint_id}")).json()["order"]
        if not order_first:
            await feedback.deliver(bought(other))
        after = (await token.get(f"{OPEN}/{complaint_id}")).json()["order"]
        unknown = await token.post(
            OPEN, json=body(who, order=reference | {"order_id": "none"}), headers=feedback.key()
        )
        nobodys = (await token.get(f"{OPEN}/{unknown.json()['id']}")).json()["order"]
    assert before == after == nobodys | {"order_id": "1001"}
    assert unknown.status_code == 201
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
        assert [complaint["id"] for complaint in (await token.get(OPEN)).json()["items"]] == [complaint_id]
    async with feedback.operator() as agent:
        for name in (loser, survivor):
            (listed,) = (await agent.get(OPEN, params={"customer_id": name})).json()["items"]
            assert listed["customer_id"] == survivor


@pytest.mark.both_databases
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
