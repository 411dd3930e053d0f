"""A service whose disk is full answers what it can, says what is wrong, and goes on by itself when there is room."""

import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.http import health
from tests.parts.till import SALE, Till

PATH = "/v1/customers/cus_1/sales"
FREE_BYTES = 20_000
POSTS_MAX = 500
"""More sales than the free space of the pages that the database has."""
REFUSES = """
    CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$
"""


@asynccontextmanager
async def without_room(till: Till) -> AsyncIterator[None]:
    """The database may not grow on SQLite. PostgreSQL refuses as it does on a full disk."""
    if till.runtime.database.dialect == "sqlite":
        before = await run(till, "PRAGMA max_page_count")
        await run(till, "PRAGMA max_page_count = 1")  # no less than it has
        yield
        await run(till, f"PRAGMA max_page_count = {before}")
    else:
        await run(till, REFUSES)
        await run(till, "CREATE TRIGGER no_room BEFORE INSERT ON sales EXECUTE FUNCTION no_room()")
        yield
        await run(till, "DROP TRIGGER no_room ON sales")


async def run(till: Till, statement: str) -> object:
    async with till.runtime.database.begin() as tx:
        answer = await tx.run(text(statement))
        return answer.scalar() if answer.returns_rows else None


async def test_what_cannot_be_written_is_a_503_with_a_sentence_and_works_again_when_there_is_room(
    till: Till,
) -> None:
    async with till.client() as client:
        async with without_room(till):
            for number in range(POSTS_MAX):
                key = {"Idempotency-Key": f"k{number}"}
                refused = await client.post(PATH, json=SALE, headers=key)
                if refused.status_code != 201:
                    break
            chinese = await client.post(PATH, json=SALE, headers=key | {"Accept-Language": "zh"})
            read = await client.get(PATH)
            ready = await client.get("/health/ready")
            issues = (await client.get("/health/issues")).json()["issues"]
            taken = await till.count_sales()
        again = await client.post(PATH, json=SALE, headers=key)

    assert (refused.status_code, refused.json()["code"]) == (503, "disk_full")
    assert "Make room" in refused.json()["detail"]
    assert "腾出空间" in chinese.json()["detail"]
    assert int(refused.headers["retry-after"]) > 0
    assert (read.status_code, ready.status_code) == (200, 200)
    assert "disk_full" in [issue["code"] for issue in issues]
    assert again.status_code == 201
    assert await till.count_sales() == taken + 1


async def test_a_file_at_its_limit_is_a_full_disk(one_till: Till, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = max(path.stat().st_size for path in tmp_path.glob("*.db*"))
    async with one_till.client() as client:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + FREE_BYTES, before[1]))
        try:
            for number in range(POSTS_MAX):
                refused = await client.post(PATH, json=SALE, headers={"Idempotency-Key": f"k{number}"})
                if refused.status_code != 201:
                    break
            issues = (await client.get("/health/issues")).json()["issues"]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        again = await client.post(PATH, json=SALE, headers={"Idempotency-Key": "again"})

    assert (refused.status_code, refused.json()["code"]) == (503, "disk_full")
    assert "disk_full" in [issue["code"] for issue in issues]
    assert again.status_code == 201


async def test_a_disk_with_little_room_is_an_issue_before_anything_is_refused(
    one_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "ROOM_BYTES_MIN", 2**62)
    async with one_till.client() as client:
        issues = (await client.get("/health/issues")).json()["issues"]

    assert "disk_full" in [issue["code"] for issue in issues]
