"""Large adjustments wait for a second person: proposed by one operator, booked once by the approval of another."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import DBAPIError

from services.loyalty.ledger.api.adjustments import POINTS_MAX
from services.loyalty.ledger.storage.tables import adjustment
from shared.approvals.deciding import KEPT_FOR, OPEN_FOR, expire_approvals, prune_approvals
from shared.approvals.refusals import OPEN_MAX
from shared.approvals.tables import approval
from shared.audit.tables import audit
from shared.auth.principal import Role
from shared.http.idempotency import answers
from shared.limits import MEMBER_POINTS_MAX
from tests.loyalty.shop import START, Shop, bought, customer, erased, merged

LIMIT = 100_000
REASON = "The birthday gift was never booked"


@pytest.fixture
async def member(shop: Shop) -> str:
    """A member with 100 points."""
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    return member


async def adjust(
    shop: Shop, member: str, points: int, *, by: str = "ana", key: str = "", role: Role = "manager"
) -> httpx2.Response:
    headers = {"Idempotency-Key": key} if key else shop.key()
    async with shop.operator(role, name=by) as client:
        path = f"/v1/members/{member}/adjustments"
        return await client.post(path, json={"points": points, "reason": REASON}, headers=headers)


async def propose(shop: Shop, member: str, points: int = LIMIT + 1, **options: Any) -> str:
    """Propose an adjustment, and return the address of the approval."""
    answer = await adjust(shop, member, points, **options)
    assert answer.status_code == 202, answer.text
    return answer.headers["Location"]


async def decide(
    shop: Shop, path: str, action: str = "approve", *, by: str = "li.lei", role: Role = "manager"
) -> httpx2.Response:
    async with shop.operator(role, name=by) as client:
        body = {"reason": "It was booked on Monday"} if action == "reject" else None
        return await client.post(f"{path}:{action}", json=body)


async def read(shop: Shop, path: str, role: Role = "manager") -> dict[str, Any]:
    async with shop.operator(role, name="reader") as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def codes(answers: list[httpx2.Response]) -> list[tuple[int, str]]:
    return sorted(
        (answer.status_code, answer.json().get("code", answer.json().get("state"))) for answer in answers
    )


@pytest.mark.both_databases
async def test_above_the_limit_nothing_is_booked_until_another_operator_approves(
    shop: Shop, member: str
) -> None:
    at_limit = await adjust(shop, member, -100)
    path = await propose(shop, member, LIMIT)
    waiting = await read(shop, path)

    assert at_limit.status_code == 201
    assert path == f"/v1/approvals/{waiting['id']}"
    assert await shop.active(member) == 0
    assert waiting["updated_at"] == waiting["proposed_at"]
    assert waiting | {"id": "", "proposed_at": "", "expires_at": "", "updated_at": ""} == {
        "id": "", "address": path, "state": "proposed", "operation": "adjust_points", "customer_id": member,
        "path": {"customer_id": member}, "fields": {"points": LIMIT}, "reason": REASON, "proposed_by": "operator:ana",
        "proposed_at": "", "expires_at": "", "updated_at": "", "deciders": ["admin", "manager"], "decided_by": None,
        "decided_at": None, "decision": None, "created": None, "refusal": None,
    }  # fmt: skip

    approved = await decide(shop, path)

    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    assert (approved.json()["decided_by"], approved.json()["deciders"]) == ("operator:li.lei", [])
    assert await shop.active(member) == LIMIT
    booked = await read(shop, approved.json()["created"])
    assert (booked["adjusted"], booked["reason"]) == (LIMIT, REASON)
    assert (booked["adjusted_by"], booked["approved_by"]) == ("operator:ana", "operator:li.lei")
    async with shop.customer(member) as client:
        seen = (await client.get(approved.json()["created"])).json()
    assert (seen["adjusted_by"], seen["approved_by"], seen["reason"]) == (None, None, None)
    await shop.check()


async def test_both_operators_stand_in_the_audit_trail(shop: Shop, member: str) -> None:
    path = await propose(shop, member)
    approval_id = path.rpartition("/")[2]
    created = (await decide(shop, path)).json()["created"]

    rows = await shop.rows(audit, audit.c.operation.in_(("adjust_points", "approve_approval")))
    told = [(shop.vault.reveal(row.operator), row.operation, row.customer_id) for row in rows]
    assert told == [("ana", "adjust_points", member), ("li.lei", "approve_approval", member)]
    assert all(approval_id in row.objects for row in rows)
    assert [
        (change.before, change.after) for row in rows for change in row.changes if change.field == "state"
    ] == [
        (None, "proposed"),
        ("proposed", "approved"),
    ]
    (booked,) = await shop.rows(adjustment)
    assert created.endswith(shop.vault.numbers.name("adj", booked.id))


async def test_what_one_operator_moves_on_a_day_adds_up(shop: Shop, member: str) -> None:
    assert (await adjust(shop, member, LIMIT // 2)).status_code == 201
    assert (await adjust(shop, member, 1 - LIMIT // 2)).status_code == 201

    assert (await adjust(shop, member, 2)).status_code == 202
    assert (await adjust(shop, member, 1)).status_code == 201
    assert (await adjust(shop, member, -1)).status_code == 202
    assert (await adjust(shop, member, LIMIT, by="li.lei")).status_code == 201
    assert (await adjust(shop, member, 4 * LIMIT, role="admin")).status_code == 201

    shop.clock.advance(timedelta(days=1))
    assert (await adjust(shop, member, LIMIT)).status_code == 201


async def test_what_was_approved_does_not_count_against_the_proposer(shop: Shop, member: str) -> None:
    assert (await decide(shop, await propose(shop, member))).json()["state"] == "approved"

    assert (await adjust(shop, member, LIMIT)).status_code == 201


@pytest.mark.both_databases
async def test_adjustments_of_one_operator_at_once_do_not_pass_the_limit(shop: Shop, member: str) -> None:
    tried = [adjust(shop, member, LIMIT // 2, key=f"key-{number}") for number in range(5)]
    statuses = [answer.status_code for answer in await asyncio.gather(*tried)]

    assert sorted(statuses) == [201, 201, 202, 202, 202]
    assert await shop.active(member) == 100 + LIMIT


@pytest.mark.both_databases
async def test_of_many_approvals_at_once_one_books(shop: Shop, member: str) -> None:
    path = await propose(shop, member)
    tried = [decide(shop, path, by=f"manager-{number}") for number in range(4)]
    tried.append(decide(shop, path, "reject", by="li.lei"))
    tried.append(decide(shop, path, "withdraw", by="ana"))
    decided = await asyncio.gather(*tried)

    assert sorted(answer.status_code for answer in decided) == [200, *[409] * 5]
    (won,) = [answer.json()["state"] for answer in decided if answer.is_success]
    assert {answer.json()["code"] for answer in decided if not answer.is_success} == {"approval_closed"}
    assert (await read(shop, path))["state"] == won
    assert await shop.active(member) == 100 + (LIMIT + 1 if won == "approved" else 0)


async def test_nobody_decides_about_what_they_proposed_also_with_another_role(
    shop: Shop, member: str
) -> None:
    path = await propose(shop, member)

    mine = [await decide(shop, path, action, by="ana", role="admin") for action in ("approve", "reject")]
    others = [
        await decide(shop, path, "withdraw", by="li.lei"),
        await decide(shop, path, by="li.lei", role="agent"),
    ]

    assert codes(mine) == [(403, "own_proposal")] * 2
    assert codes(others) == [(403, "forbidden"), (403, "others_proposal")]
    assert (await read(shop, path))["state"] == "proposed"


async def test_an_unknown_approval_is_not_found(shop: Shop) -> None:
    for action in ("approve", "reject", "withdraw"):
        answer = await decide(shop, "/v1/approvals/apr_none", action)
        assert (answer.status_code, answer.json()["code"]) == (404, "approval_not_found")
    async with shop.operator() as client:
        assert (await client.get("/v1/approvals/apr_none")).json()["code"] == "approval_not_found"


async def test_the_proposer_reads_why_it_was_rejected_and_can_withdraw_another(
    shop: Shop, member: str
) -> None:
    first, second = await propose(shop, member), await propose(shop, member)

    rejected = (await decide(shop, first, "reject")).json()
    withdrawn = (await decide(shop, second, "withdraw", by="ana")).json()

    assert (rejected["state"], rejected["decision"]) == ("rejected", "It was booked on Monday")
    assert (withdrawn["state"], withdrawn["decided_by"]) == ("withdrawn", "operator:ana")
    assert codes([await decide(shop, first), await decide(shop, second)]) == [(409, "approval_closed")] * 2
    async with shop.operator("viewer") as client:
        listed = (await client.get("/v1/approvals", params={"limit": 1})).json()
        more = (
            await client.get("/v1/approvals", params={"limit": 1, "cursor": listed["next_cursor"]})
        ).json()
        chosen = (await client.get("/v1/approvals", params={"state": "rejected"})).json()
    assert [item["state"] for item in (*listed["items"], *more["items"])] == ["withdrawn", "rejected"]
    assert [item["id"] for item in chosen["items"]] == [rejected["id"]]
    assert await shop.active(member) == 100


@pytest.mark.both_databases
async def test_what_is_refused_when_it_is_approved_has_failed_with_the_reason(
    shop: Shop, member: str
) -> None:
    await shop.adjust(member, LIMIT)
    path = await propose(shop, member, -LIMIT - 1)
    await shop.adjust(member, -LIMIT)

    failed = await decide(shop, path)

    assert (failed.status_code, failed.json()["state"]) == (200, "failed")
    assert (failed.json()["refusal"], failed.json()["created"]) == ("insufficient_points", None)
    assert codes([await decide(shop, path)]) == [(409, "approval_closed")]
    assert await shop.active(member) == 100
    await shop.check()


@pytest.mark.both_databases
async def test_a_proposal_expires(shop: Shop, member: str) -> None:
    path = await propose(shop, member)
    shop.clock.advance(OPEN_FOR)

    assert codes([await decide(shop, path)]) == [(409, "approval_closed")]
    assert [job.name for job in shop.service.jobs].count("expire_approvals") == 1
    for expired in (1, 0):
        async with shop.database.begin() as tx:
            assert await expire_approvals(tx, shop.runtime.context) == expired
    assert (await read(shop, path))["state"] == "expired"
    assert codes([await decide(shop, path, "withdraw", by="ana")]) == [(409, "approval_closed")]


@pytest.mark.both_databases
async def test_what_ended_is_deleted_after_its_time_and_an_open_proposal_never(
    shop: Shop, member: str
) -> None:
    approved, rejected = [await propose(shop, member) for _ in range(2)]
    await decide(shop, approved)
    await decide(shop, rejected, "reject")
    audited = len(await shop.rows(audit))
    shop.clock.advance(OPEN_FOR)
    waiting = await propose(shop, member)

    assert [job.name for job in shop.service.jobs].count("prune_approvals") == 1
    assert await pruned(shop, KEPT_FOR) == 0
    assert await pruned(shop, timedelta(microseconds=1)) == 2
    assert await pruned(shop, 2 * KEPT_FOR) == 0
    assert [row.id for row in await shop.rows(approval)] == [waiting.rpartition("/")[2]]
    assert len(await shop.rows(audit)) == audited + 1
    with pytest.raises(DBAPIError, match="its rows are kept"):
        async with shop.database.begin() as tx:
            await tx.execute(delete(approval))


async def pruned(shop: Shop, later: timedelta) -> int:
    """Return how many approvals are deleted when this time has passed."""
    shop.clock.advance(later)
    async with shop.database.begin() as tx:
        return await prune_approvals(tx, shop.runtime.context)


async def test_a_repeat_has_the_same_answer_and_a_key_makes_one_proposal(shop: Shop, member: str) -> None:
    first, again = [await adjust(shop, member, LIMIT + 1, key="one") for _ in range(2)]
    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["Location"] == first.headers["Location"]

    async with shop.database.begin() as tx:
        await tx.execute(delete(answers))
    long_after = await adjust(shop, member, LIMIT + 1, key="one")
    assert (long_after.status_code, long_after.json()["code"]) == (409, "proposed_before")
    assert first.json()["id"] in long_after.json()["detail"]

    await decide(shop, first.headers["Location"])
    used = await adjust(shop, member, LIMIT + 1, key="one")
    assert (used.status_code, used.json()["code"]) == (409, "key_used_before")


async def test_one_operator_has_so_many_open_proposals(shop: Shop, member: str) -> None:
    paths = [await propose(shop, member) for _ in range(OPEN_MAX)]

    more = await adjust(shop, member, LIMIT + 1)
    assert (more.status_code, more.json()["code"]) == (409, "too_many_proposals")
    await decide(shop, paths[0], "withdraw", by="ana")
    assert (await adjust(shop, member, LIMIT + 1)).status_code == 202


@pytest.mark.both_databases
async def test_what_cannot_be_booked_is_not_proposed(shop: Shop, member: str) -> None:
    rich = customer()
    await shop.tell(bought(rich, [(1, 10_000)], START))
    await shop.adjust(rich, MEMBER_POINTS_MAX - 100)
    booked = await shop.rows(adjustment)

    too_little = await adjust(shop, member, -LIMIT - 1)
    too_much = await adjust(shop, rich, LIMIT + 1)
    possible = await adjust(shop, member, LIMIT + 1)

    assert codes([too_little, too_much]) == [(409, "insufficient_points"), (409, "too_many_points")]
    assert possible.status_code == 202
    assert await shop.rows(adjustment) == booked
    assert len(await shop.rows(approval)) == 1
    assert len(await shop.told("loyalty.points_earned.v1")) == 3
    assert await shop.active(member) == 100
    await shop.check()


async def test_nothing_is_proposed_for_an_unknown_member(shop: Shop) -> None:
    answer = await adjust(shop, customer(), LIMIT + 1)

    assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")


async def test_what_was_proposed_goes_with_an_erased_customer(shop: Shop, member: str) -> None:
    path = await propose(shop, member)
    await shop.tell(erased(member, START))

    gone = await read(shop, path)
    assert (gone["path"], gone["fields"], gone["reason"]) == (None, None, None)
    failed = (await decide(shop, path)).json()
    assert (failed["state"], failed["refusal"]) == ("failed", "customer_erased")


async def test_what_was_proposed_for_a_customer_that_was_merged_is_booked_for_the_owner(
    shop: Shop, member: str
) -> None:
    owner = customer()
    await shop.tell(bought(owner, [(1, 10_000)], START))
    path = await propose(shop, member)
    await shop.tell(merged(member, owner, 1, START))

    approved = (await decide(shop, path)).json()

    assert approved["created"].startswith(f"/v1/members/{owner}/adjustments/")
    assert await shop.active(owner) == 200 + LIMIT + 1


async def test_texts_are_sealed_and_what_was_proposed_never_changes(shop: Shop, member: str) -> None:
    await propose(shop, member)
    async with shop.database.read() as reader:
        row = await reader.one(select(approval.c.content, approval.c.reason, approval.c.proposed_by))
    assert REASON.encode() not in row.content + row.reason
    assert str(LIMIT).encode() not in row.content
    assert "ana" not in row.proposed_by


async def test_an_operator_reads_beforehand_what_is_left_of_the_day(shop: Shop, member: str) -> None:
    await adjust(shop, member, -40)
    await adjust(shop, member, 70)
    await decide(shop, await propose(shop, member))

    managers = await limits(shop, "ana", "manager")
    assert managers == [
        ("request", POINTS_MAX, 0, POINTS_MAX, None, "refusal"),
        ("day", LIMIT, 110, LIMIT - 110, "2026-03-02T00:00:00Z", "approval"),
    ]
    assert (await adjust(shop, member, LIMIT - 109)).status_code == 202
    assert (await adjust(shop, member, LIMIT - 110)).status_code == 201
    assert (await limits(shop, "ana", "admin"))[1][1:4] == (5 * LIMIT, LIMIT, 4 * LIMIT)
    assert await limits(shop, "ana", "agent") == []
    shop.clock.advance(timedelta(days=1))
    assert (await limits(shop, "ana", "manager"))[1][1:5] == (LIMIT, 0, LIMIT, "2026-03-03T00:00:00Z")


async def limits(shop: Shop, name: str, role: Role) -> list[tuple[Any, ...]]:
    async with shop.operator(role, name=name) as client:
        answer = await client.get("/v1/limits/me")
    assert answer.status_code == 200, answer.text
    return [tuple(item.values())[1:] for item in answer.json()["items"]]
