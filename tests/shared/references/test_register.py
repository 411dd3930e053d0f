"""The register of references: the newest version wins in any order, an erasure stays, and nobody gets what may be another's."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import MetaData, select

from shared import references
from shared.clock import ManualClock
from shared.context import Context
from shared.db import Database
from shared.references import KnownReferences, references_metadata
from shared.settings import ServiceSettings
from shared.vault import Vault

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def tables() -> Sequence[MetaData]:
    return (references_metadata,)


async def record(database: Database, *told: KnownReferences) -> None:
    async with database.begin() as tx:
        await references.record(tx, told)


async def erase(database: Database, *identity_ids: str, at: datetime = NOW) -> None:
    async with database.begin() as tx:
        await references.erase(tx, dict.fromkeys(identity_ids, at))


async def stored(database: Database) -> dict[str, set[str]]:
    table = references.reference
    found: dict[str, set[str]] = {}
    async with database.read() as read:
        for row in await read.all(select(table.c.identity_id, table.c.reference)):
            found.setdefault(row.identity_id, set()).add(row.reference)
    return found


async def test_a_newer_version_takes_the_place_of_an_older_one(database: Database) -> None:
    await record(database, KnownReferences("cus_a", 0, ["one"]), KnownReferences("cus_b", 0, ["two"]))
    await record(database, KnownReferences("cus_a", 2, ["three", "four"]))
    await record(
        database,
        KnownReferences("cus_a", 1, ["five"]),
        KnownReferences("cus_a", 2, ["six"]),
        KnownReferences("cus_a", 0, ["one"]),
    )
    assert await stored(database) == {"cus_a": {"three", "four"}, "cus_b": {"two"}}

    await record(database, KnownReferences("cus_a", 3, []))
    assert await stored(database) == {"cus_b": {"two"}}


async def test_shuffled_and_repeated_versions_end_with_the_newest(
    database: Database, seeded: random.Random
) -> None:
    names = ["cus_a", "cus_b", "cus_c"]
    history = [
        KnownReferences(name, version, [f"{name} {version}"]) for name in names for version in range(6)
    ] * 2
    seeded.shuffle(history)
    while history:
        size = seeded.randrange(1, 6)
        await record(database, *history[:size])
        del history[:size]
    assert await stored(database) == {name: {f"{name} 5"} for name in names}


async def test_an_erased_identity_never_gets_references_again(database: Database) -> None:
    await record(database, KnownReferences("cus_a", 4, ["one"]), KnownReferences("cus_b", 1, ["two"]))
    await erase(database, "cus_a", "cus_new")
    await erase(database, "cus_a", at=NOW.replace(year=2027))
    await record(database, KnownReferences("cus_a", 5, ["one"]), KnownReferences("cus_new", 0, ["three"]))

    assert await stored(database) == {"cus_b": {"two"}}
    table = references.reference_record
    async with database.read() as read:
        rows = await read.all(select(table.c.identity_id, table.c.erased_at).order_by(table.c.identity_id))
    assert [tuple(row) for row in rows] == [("cus_a", NOW), ("cus_b", None), ("cus_new", NOW)]


async def test_an_external_id_leads_to_its_identity_within_its_issuer(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    context = Context(ServiceSettings(home=tmp_path), vault, ManualClock(NOW))
    shops, marts = vault.reference("shop", "C-1"), vault.reference("partner:mart", "C-1")
    await record(database, KnownReferences("cus_a", 1, [shops]), KnownReferences("cus_b", 1, [marts]))

    async with database.read() as read:
        assert await references.find_identity(read, context, "shop", "C-1") == "cus_a"
        assert await references.find_identity(read, context, "partner:mart", "C-1") == "cus_b"
        assert await references.find_identity(read, context, "shop", "C-2") is None


async def test_an_id_that_moved_leads_to_nobody_until_both_events_have_come(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    context = Context(ServiceSettings(home=tmp_path), vault, ManualClock(NOW))
    moved = vault.reference("shop", "C-1")

    async def holder() -> str | None:
        async with database.read() as read:
            return await references.find_identity(read, context, "shop", "C-1")

    await record(database, KnownReferences("cus_a", 1, [moved]))
    await record(database, KnownReferences("cus_b", 1, [moved]))
    assert await holder() is None
    await record(database, KnownReferences("cus_a", 2, []))
    assert await holder() == "cus_b"
