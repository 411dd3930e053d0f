"""What a partner may touch of complaints: customers that it brought, orders that it recorded, and nothing else."""

from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from shared.identity import identity
from shared.ids import new_id
from tests.feedback.asking import OPEN, body, opened, read
from tests.feedback.running import Feedback, bought, customer, erased, registered

ORDER = {"source": "web", "order_id": "1001"}


def plain(answer: httpx2.Response) -> Any:
    return answer.status_code, answer.json() | {"request_id": ""}


async def test_a_partner_complains_only_for_customers_that_it_brought(feedback: Feedback) -> None:
    shops, acmes, bazaars, gone = customer(), customer(), customer(), customer()
    await feedback.deliver(
        registered(shops), registered(acmes, "partner:acme"), registered(bazaars, "partner:bazaar"),
        registered(gone), bought(shops),
    )  # fmt: skip
    await feedback.deliver(erased(gone))
    async with feedback.partner("acme") as acme:
        refused = [
            plain(await acme.post(OPEN, json=body(who, order=ORDER), headers=feedback.key()))
            for who in (shops, bazaars, gone, new_id("cus"))
        ]
        mine = await acme.post(OPEN, json=body(acmes), headers=feedback.key())
    assert refused == [refused[0]] * 4
    assert (refused[0][0], refused[0][1]["code"]) == (422, "unknown_customer")
    assert mine.status_code == 201
    async with feedback.database.read() as read_only:
        assert await read_only.scalar(select(func.count()).select_from(identity)) == 4


async def test_an_erased_customer_of_ones_own_is_gone(feedback: Feedback) -> None:
    who = customer()
    await feedback.deliver(registered(who, "partner:acme"))
    await feedback.deliver(erased(who))
    async with feedback.partner("acme") as acme:
        answer = await acme.post(OPEN, json=body(who), headers=feedback.key())
    assert (answer.status_code, answer.json()["code"]) == (410, "customer_erased")


async def test_a_registration_told_again_brings_the_issuer(feedback: Feedback) -> None:
    who = customer()
    await feedback.deliver(registered(who))
    await feedback.deliver(registered(who, "partner:acme"))
    async with feedback.partner("acme") as acme:
        assert (await acme.post(OPEN, json=body(who), headers=feedback.key())).status_code == 201


@pytest.mark.both_databases
@pytest.mark.parametrize("first", ["shop", "partner:acme"])
async def test_an_order_is_of_its_issuer(feedback: Feedback, first: str) -> None:
    """Two issuers use one order id; in either order of arrival everybody sees the order of their own."""
    second = "partner:acme" if first == "shop" else "shop"
    who = {"shop": customer(), "partner:acme": customer()}
    amounts = {"shop": 1000, "partner:acme": 777}
    await feedback.deliver(*(registered(name, issuer) for issuer, name in who.items()))
    async with feedback.partner("acme") as acme:
        theirs = (
            await acme.post(OPEN, json=body(who["partner:acme"], order=ORDER), headers=feedback.key())
        ).json()
        shops = await opened(feedback, who["shop"], order=ORDER)
        for issuer in (first, second):
            await feedback.deliver(bought(who[issuer], amount=amounts[issuer], issuer=issuer))
            seen = (await acme.get(f"{OPEN}/{theirs['id']}")).json()["order"]
            async with feedback.customer(who["shop"]) as token:
                own = (await token.get(f"{OPEN}/{shops['id']}")).json()["order"]
            told = {first} if issuer == first else {first, second}
            assert seen["amount_minor"] == (777 if "partner:acme" in told else None)
            assert own["amount_minor"] == (1000 if "shop" in told else None)
            assert (await read(feedback, theirs["id"]))["order"] == seen
            assert (await read(feedback, shops["id"]))["order"] == own


async def test_a_partner_does_not_see_the_shops_order_of_its_customer(feedback: Feedback) -> None:
    who = customer()
    await feedback.deliver(
        registered(who, "partner:acme"), bought(who), bought(who, "own", 7, "partner:acme")
    )
    async with feedback.partner("acme") as acme:
        orders, first = [], ""
        for order_id in ("1001", "none", "own"):
            answer = await acme.post(
                OPEN, json=body(who, order=ORDER | {"order_id": order_id}), headers=feedback.key()
            )
            first = first or answer.json()["id"]
            orders.append((await acme.get(f"{OPEN}/{answer.json()['id']}")).json()["order"])
        async with feedback.customer(who) as token:
            own = (await token.get(f"{OPEN}/{first}")).json()["order"]
    assert (own["state"], own["amount_minor"]) == ("known", 1000)
    assert orders[0] == orders[1] | {"order_id": "1001"}
    assert (orders[0]["state"], orders[0]["amount_minor"], orders[2]["amount_minor"]) == (
        "not_seen_yet",
        None,
        7,
    )


async def test_a_partner_follows_only_complaints_that_it_brought(feedback: Feedback) -> None:
    who = customer()
    await feedback.deliver(registered(who, "partner:acme"))
    shops = (await opened(feedback, who))["id"]
    async with feedback.partner("acme") as acme:
        mine = (await acme.post(OPEN, json=body(who), headers=feedback.key())).json()["id"]
        answers = [
            plain(await acme.post(OPEN, json=body(who, follows=former), headers=feedback.key()))
            for former in (shops, new_id("cmp"), mine)
        ]
    assert answers[0] == answers[1]
    assert [status for status, _ in answers] == [422, 422, 201]


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        ("partner", []),
        ("viewer", []),
        ("analyst", []),
        ("customer", ["withdraw"]),
        ("agent", ["acknowledge", "start", "withdraw", "merge", "escalate"]),
        ("manager", ["acknowledge", "start", "withdraw", "reject", "merge", "escalate"]),
    ],
)
async def test_allowed_are_the_actions_that_the_caller_may_take(
    feedback: Feedback, role: Any, shown: list[str]
) -> None:
    who = customer()
    await feedback.deliver(registered(who, "partner:acme"))
    async with feedback.partner("acme") as acme:
        complaint_id = (await acme.post(OPEN, json=body(who), headers=feedback.key())).json()["id"]
    callers = {"partner": lambda: feedback.partner("acme"), "customer": lambda: feedback.customer(who)}
    async with callers.get(role, lambda: feedback.operator(role))() as caller:
        assert (await caller.get(f"{OPEN}/{complaint_id}")).json()["allowed"] == shown
        refused = await caller.post(f"{OPEN}/{complaint_id}/transitions", json={"action": "resume"})
    if shown:
        assert (refused.status_code, refused.json()["allowed"]) == (409, shown)
    else:
        assert refused.status_code == 403


async def test_texts_of_the_staff_are_read_by_operators_only(feedback: Feedback) -> None:
    """The case file of one complaint with every text there is, as each kind of reader gets it."""
    who = customer()
    await feedback.deliver(registered(who, "partner:acme"))
    secret = "SECRET of the staff"
    async with feedback.partner("acme") as acme, feedback.customer(who) as token:
        complaint_id = (await acme.post(OPEN, json=body(who), headers=feedback.key())).json()["id"]
        path = f"{OPEN}/{complaint_id}"
        async with feedback.operator("manager", name="ana-of-the-staff") as manager:
            for where, sent in (
                ("messages", {"kind": "note", "body": secret}),
                ("messages", {"kind": "agent", "body": "We are sorry."}),
                ("remedies", {"kind": "points", "points": 5, "reason": secret}),
                ("transitions", {"action": "start"}),
                ("transitions", {"action": "escalate", "reason": secret}),
                ("transitions", {"action": "answer"}),
                ("transitions", {"action": "follow_up", "follow_up": {"method": "phone", "result": "partly", "note": secret}}),
                ("transitions", {"action": "close", "outcome": "satisfied"}),
                ("transitions", {"action": "reopen", "reason": secret}),
                ("transitions", {"action": "reject", "reason": secret}),
            ):  # fmt: skip
                answer = await manager.post(f"{path}/{where}", json=sent, headers=feedback.key())
                assert answer.status_code in (201, 409), answer.text
            staff = (await manager.get(path)).text
            owned = await manager.get(OPEN, params={"owner_id": "me"})
            (item,) = owned.json()["items"]
            owner_id = feedback.context.vault.conceal("ana-of-the-staff")
            assert item["owner_id"] == owner_id
        for reader in (acme, token):
            for address in (path, OPEN):
                answer = await reader.get(address)
                assert answer.status_code == 200
                assert secret not in answer.text
                assert "of-the-staff" not in answer.text
                assert owner_id not in answer.text
            for asked in (owner_id, "me"):
                guessed = await reader.get(OPEN, params={"owner_id": asked})
                assert (guessed.status_code, guessed.json()["items"]) == (200, [])
    assert staff.count(secret) >= 5
