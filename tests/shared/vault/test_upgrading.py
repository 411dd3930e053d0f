"""A database of before operators had pseudonyms gets them when it is upgraded, and its other rows stay as they are."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from services.scoring.models.storage.tables import fit
from shared.consume.tables import set_aside
from shared.db import Database
from shared.db.migrations import Migrations
from shared.http.idempotency import answers
from shared.service import Service
from shared.vault import Vault
from tests.parts import databases

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
BEFORE = "kernel0004"
VAULT = Vault("scoring", {1: b"1" * 32}, b"r" * 32)
ANA = f"operator:{VAULT.conceal('ana')}"
ANSWER = {"operation": "do", "key_hash": b"k", "body_hash": b"b", "status": 201, "body": b"x", "at": NOW}
ASIDE = {
    "consumer": "scoring", "state": "discarded", "code": "x", "reason": "It was refused.", "record": b"x", "attempts": 1,
    "booked_at": NOW, "ended_at": NOW,
}  # fmt: skip

FIT_OF_BEFORE = """
INSERT INTO fit (fit_id, kind, currency, until, publish, status, attempts, requested_by, requested_at, round_days)
VALUES ('fit_1', 'bg_nbd', '', :until, true, 'failed', 1, 'operator:ana', :at, false)
"""

COLUMNS: dict[str, sa.Column[Any]] = {"until": fit.c.until, "at": fit.c.requested_at}


async def test_operators_of_before_become_pseudonyms(kind: databases.Kind, tmp_path: Path) -> None:
    service = databases.service_of("scoring", tmp_path)
    async with databases.declared(kind, [], folder=tmp_path, name="scoring", own=True) as database:
        await _at(database, service, BEFORE)
        await _at(database, service, "scoring0002")
        async with database.begin() as tx:
            for principal in ("operator:ana", "partner:mart", "customer:cus_1"):
                await tx.execute(sa.insert(answers).values(principal=principal, **ANSWER))
            for number, by in enumerate(("operator:ana", "awaited_fact", None)):
                await tx.execute(sa.insert(set_aside).values(id=f"sad_{number}", ended_by=by, **ASIDE))
            until, at = (sa.bindparam(name, type_=column.type) for name, column in COLUMNS.items())
            insert = sa.text(FIT_OF_BEFORE).bindparams(until, at)
            await tx.run(insert, {"until": date(2026, 3, 9), "at": NOW})

        await databases.upgrade(database, service, VAULT)
        await databases.upgrade(database, service, VAULT)

        async with database.read() as read:
            principals = await read.all(sa.select(answers.c.principal).order_by(answers.c.principal))
            ended = await read.all(sa.select(set_aside.c.ended_by).order_by(set_aside.c.id))
            requested_by = await read.scalar(sa.select(fit.c.requested_by))
        assert [row.principal for row in principals] == ["customer:cus_1", ANA, "partner:mart"]
        assert [row.ended_by for row in ended] == [ANA, "awaited_fact", None]
        assert requested_by == ANA
        assert VAULT.reveal(ANA) == "operator:ana"


async def test_a_database_without_such_rows_needs_no_keys(kind: databases.Kind, tmp_path: Path) -> None:
    service = databases.service_of("scoring", tmp_path)
    async with databases.declared(kind, [], folder=tmp_path, name="scoring", own=True) as database:
        await _at(database, service, BEFORE)
        await Migrations(service.migrations, service.metadata).upgrade(database)
        assert await Migrations(service.migrations, service.metadata).state(database) == "head"


async def test_rows_are_never_sealed_without_keys(kind: databases.Kind, tmp_path: Path) -> None:
    service = databases.service_of("scoring", tmp_path)
    async with databases.declared(kind, [], folder=tmp_path, name="scoring", own=True) as database:
        await _at(database, service, BEFORE)
        async with database.begin() as tx:
            await tx.execute(sa.insert(answers).values(principal="operator:ana", **ANSWER))
        with pytest.raises(AssertionError, match="the keys of their service"):
            await Migrations(service.migrations, service.metadata).upgrade(database)
        async with database.read() as read:
            assert await read.scalar(sa.select(answers.c.principal)) == "operator:ana"


async def _at(database: Database, service: Service, revision: str) -> None:
    migrations = Migrations(service.migrations, service.metadata)
    async with database.begin() as tx:
        await tx.run_sync(lambda connection: migrations._upgrade(connection, database.url, revision))
