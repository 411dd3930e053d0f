"""Versions of models in the database: the one in force is the domain's choice among all of them."""

import random
from datetime import date, timedelta

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from services.scoring.models.domain import models as rules
from services.scoring.models.domain.kinds import Kind, bg_nbd, rfm
from services.scoring.models.domain.models import Model, Status
from services.scoring.models.queries.models import all_in_force
from services.scoring.models.storage import models
from services.scoring.models.storage.tables import model
from tests.scoring.running import NOW, Scoring

START = date(2026, 1, 1)


def version(kind: Kind, number: int, until: date, status: Status) -> Model:
    parameters = rfm.SHIPPED if kind == "rfm" else bg_nbd.SHIPPED
    return Model(
        kind, "", number, until, "UTC", parameters, -1.5, 100, 10, "btyd-1", {"finite": True}, status,
        NOW if status == "published" else None,
    )  # fmt: skip


async def test_the_version_in_force_is_the_domains_choice(scoring: Scoring, seeded: random.Random) -> None:
    kinds: tuple[Kind, ...] = ("rfm", "bg_nbd")
    statuses: list[Status] = ["published", "published", "proposed", "rejected"]
    for _ in range(12):
        async with scoring.database.begin() as tx:
            written: dict[Kind, list[Model]] = {kind: [] for kind in kinds}
            for kind in kinds:
                first = await models.next_version(tx, kind, "")
                for number in range(first, first + seeded.randrange(3)):
                    until = START + timedelta(days=seeded.randrange(10))
                    written[kind].append(version(kind, number, until, seeded.choice(statuses)))
                    await models.add(tx, written[kind][-1])
        async with scoring.database.read() as read:
            for kind in kinds:
                stored = await models.versions(read, kind)
                for ago in range(12):
                    day = START + timedelta(days=ago - 1)
                    expected = rules.in_force(stored, day)
                    found = (await all_in_force(read, day, "UTC"))[kind, ""]
                    if expected is None:
                        assert found.model.version == 0
                    else:
                        assert found == expected


async def test_a_version_is_read_as_it_was_written_and_never_changes(scoring: Scoring) -> None:
    one = version("rfm", 1, START, "published")
    async with scoring.database.begin() as tx:
        await models.add(tx, one)
    async with scoring.database.read() as read:
        assert await models.version(read, "rfm", "", 1) == one
    for statement in (update(model).values(status="rejected"), delete(model)):
        with pytest.raises(DBAPIError, match="append-only"):
            async with scoring.database.begin() as tx:
                await tx.execute(statement)
