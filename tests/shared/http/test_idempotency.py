import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select

from shared.http import idempotency
from shared.outbox.jobs import paged
from tests.parts import tokens
from tests.parts.till import SALE, Till, open_till

PATH = "/v1/customers/cus_a/sales"


async def sell(
    client: httpx2.AsyncClient, key: str | None, body: object = SALE, path: str = PATH
) -> httpx2.Response:
    return await client.post(path, json=body, headers={"Idempotency-Key": key} if key else {})


async def kept(till: Till) -> int:
    async with till.runtime.database.read() as read:
        return await read.scalar(select(func.count()).select_from(idempotency.answers)) or 0


async def test_a_repeat_gets_the_first_answer_and_has_no_effect(till: Till) -> None:
    async with till.client() as client:
        first = await sell(client, "k-1")
        again = await sell(client, "k-1", dict(reversed(SALE.items())))

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert "idempotency-hit" not in first.headers
    assert again.headers["idempotency-hit"] == "true"
    assert await till.count_sales() == 1


async def test_another_body_or_another_target_under_the_same_key_is_refused(till: Till) -> None:
    async with till.client() as client:
        await sell(client, "k-1")
        body = await sell(client, "k-1", SALE | {"phone": "1"})
        target = await sell(client, "k-1", path="/v1/customers/cus_b/sales")

    assert [answer.json()["code"] for answer in (body, target)] == ["idempotency_key_reused"] * 2
    assert (body.status_code, target.status_code) == (422, 422)
    assert await till.count_sales() == 1


async def test_a_key_belongs_to_who_sent_it(till: Till) -> None:
    async with till.client() as ana, till.client(tokens.operator("admin", name="bo")) as bo:
        answers = [await sell(ana, "k-1"), await sell(bo, "k-1", SALE | {"phone": "1"})]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert await till.count_sales() == 2


async def test_a_key_is_hashed_with_the_operators_name_and_kept_with_its_pseudonym(till: Till) -> None:
    """So a repeat of a request of before operators had pseudonyms is still a repeat."""
    async with till.client() as client:
        await sell(client, "k-1")
    vault, key = till.runtime.vault, "\x1f".join(("operator:ana", "record_sale", "k-1"))
    async with till.runtime.database.read() as read:
        (record,) = await read.all(select(idempotency.answers.c.principal, idempotency.answers.c.key_hash))
    assert record.key_hash == vault.digest("idempotency_key", key.encode())
    assert (record.principal, vault.reveal(record.principal)) == (
        f"operator:{vault.conceal('ana')}",
        "operator:ana",
    )


async def test_where_a_key_is_required_its_absence_is_a_400(one_till: Till) -> None:
    async with one_till.client() as client:
        answers = [await sell(client, None), await sell(client, "with space"), await sell(client, "x" * 256)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (400, "idempotency_key_required"),
        (400, "idempotency_key_invalid"),
        (400, "idempotency_key_invalid"),
    ]


async def test_where_a_key_is_optional_both_ways_work(one_till: Till) -> None:
    line = {"sku": "a", "quantity": 1, "amount_minor": 1}
    async with one_till.client() as client:
        without = await sell(client, None, [line], "/v1/sales:batch")
        first = await sell(client, "k", [line], "/v1/sales:batch")
        again = await sell(client, "k", [line], "/v1/sales:batch")

    assert without.status_code == first.status_code == 200
    assert again.headers["idempotency-hit"] == "true"


async def test_a_refusal_is_not_kept_and_the_key_can_be_used_again(till: Till) -> None:
    too_much = SALE | {"lines": [{"sku": "gold", "quantity": 1, "amount_minor": 2_000_000}]}
    async with till.client() as client:
        refused = [await sell(client, "k-1", too_much), await sell(client, "k-1", {})]
        accepted = await sell(client, "k-1")

    assert [answer.status_code for answer in refused] == [409, 422]
    assert accepted.status_code == 201
    assert "idempotency-hit" not in accepted.headers
    assert await till.count_sales() == 1


async def test_a_hundred_identical_requests_at_once_have_one_effect(till: Till) -> None:
    async with till.client() as client:
        answers = await asyncio.gather(*(sell(client, "k-1") for _ in range(100)))
        after = await sell(client, "k-1")

    assert await till.count_sales() == 1
    assert await kept(till) == 1
    seen = Counter((answer.status_code, answer.headers.get("idempotency-hit")) for answer in answers)
    assert seen[201, None] == 1
    assert set(seen) <= {(201, None), (201, "true"), (409, None)}
    waiting = [answer for answer in answers if answer.status_code == 409]
    assert all(answer.json()["code"] == "request_in_progress" for answer in waiting)
    assert all(answer.headers["retry-after"] == "1" for answer in waiting)
    assert after.headers["idempotency-hit"] == "true"


async def test_while_the_first_runs_a_second_is_refused_at_once_and_nobody_else_waits(till: Till) -> None:
    """The traps' case: without the try-lock the second blocks on the first, and so does every later request."""
    async with till.client() as client:
        async with till.runtime.database.begin() as tx:
            hash_of_key = till.runtime.vault.digest("idempotency_key", b"operator:ana\x1frecord_sale\x1fk-1")
            assert await tx.try_lock(hash_of_key)
            async with asyncio.timeout(5):
                refused = await sell(client, "k-1")
                other = await client.get(PATH)
        accepted = await sell(client, "k-1")

    assert refused.json()["code"] == "request_in_progress"
    assert other.status_code == 200
    assert accepted.status_code == 201


async def test_a_stored_answer_is_unreadable_without_the_installations_key(till: Till) -> None:
    async with till.client() as client:
        answer = await sell(client, "k-secret", SALE | {"phone": "13800138000"})

    async with till.runtime.database.read() as read:
        row = await read.one(select(idempotency.answers))
    stored = b"".join(value for value in row if isinstance(value, bytes))
    for text in ("k-secret", "13800138000", answer.json()["id"]):
        assert text.encode() not in stored


async def test_the_same_request_has_another_hash_in_another_installation(
    one_till: Till, tmp_path: Path
) -> None:
    """A hash that anybody can compute tells whether a phone number was in the request."""
    async with open_till(tmp_path / "other", "sqlite") as other:
        hashes = []
        for till in (one_till, other):
            async with till.client() as client:
                await sell(client, "k-1")
            async with till.runtime.database.read() as read:
                hashes.append(
                    await read.one(select(idempotency.answers.c.key_hash, idempotency.answers.c.body_hash))
                )
    assert hashes[0].key_hash != hashes[1].key_hash
    assert hashes[0].body_hash != hashes[1].body_hash


async def test_an_answer_is_kept_for_a_day_at_least_and_not_for_ever(till: Till) -> None:
    async with till.client() as client:
        await sell(client, "k-1")
    till.clock.advance(timedelta(hours=24))
    prune = paged("prune_answers", idempotency.prune)
    assert await prune.run(till.runtime) == 0
    till.clock.advance(timedelta(hours=25))
    assert await prune.run(till.runtime) == 1
    assert await kept(till) == 0


async def test_a_refusal_that_is_returned_instead_of_raised_is_a_bug_and_commits_nothing(till: Till) -> None:
    async with till.client() as client:
        answers = [
            await client.delete("/v1/customers/cus_a/sales/sal_1"),
            await client.post("/v1/bugs"),
        ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (500, "internal_error")
    ] * 2
    assert all("13800138000" not in answer.text for answer in answers)
    assert await till.count_sales() == 0


@pytest.mark.parametrize("raises", [True, False])
async def test_the_commit_comes_before_the_answer(till: Till, raises: bool) -> None:
    """A deferred failure at COMMIT must not have been answered 201."""
    seen: list[str] = []
    database = till.runtime.database
    commit = database._commit

    async def watched(tx: object) -> None:
        seen.append("commit")
        if raises:
            raise ConnectionResetError
        await commit(tx)  # type: ignore[arg-type]

    database._commit = watched  # type: ignore[method-assign]
    async with till.client() as client:
        answer = await sell(client, "k-1")
    database._commit = commit  # type: ignore[method-assign]

    assert seen == ["commit"]
    assert answer.status_code == (503 if raises else 201)
    assert await till.count_sales() == (0 if raises else 1)
