"""`huitou verify` compares what a service stores with the events that it has told and applied."""

import random
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from shared.bus import Bus, Message, open_bus
from shared.events import BY_TYPE
from shared.run import bus_verification, event_verification
from shared.verify import event_rules
from shared.verify.invariants import Drift
from tests.conftest import SEED
from tests.contract.consume.test_fuzz import SERVICES
from tests.contract.consume.test_replay import Stack, bus, caught_up, consuming, publish
from tests.contract.consume.traffic import Traffic, Wire
from tests.parts import services
from tests.parts.opened import NOW
from tests.parts.services import Running

__all__ = ["bus"]

EMBEDDED = pytest.param(("sqlite", "embedded"), id="embedded")
GROWN = pytest.param(("postgresql", "embedded"), id="grown", marks=pytest.mark.postgresql)
DISTRIBUTED = pytest.param(
    ("postgresql", "kafka"),
    id="distributed",
    marks=[pytest.mark.postgresql, pytest.mark.kafka, pytest.mark.long],
)
RECORDS = 400
TIMEOUT_SECONDS = 600

pytestmark = [pytest.mark.timeout(TIMEOUT_SECONDS), pytest.mark.slow]


@asynccontextmanager
async def opened(name: str, stack: Stack, folder: Path, bus: Bus) -> AsyncIterator[Running[Any]]:
    """A service with nothing in it."""
    async with services.running(Running, name, stack[0], folder, now=NOW, bus=bus) as house:
        yield house


async def fed(house: Running[Any], traffic: Traffic) -> None:
    """Let the service apply traffic, and tell what follows from it."""
    (handlers,) = house.service.handlers
    await publish(house, traffic, RECORDS, house.service.topics_consumed)
    async with consuming(house, house.database, handlers):
        await caught_up(house, house.database, handlers)
    assert await house.untold() == []


async def verified(house: Running[Any]) -> Sequence[Drift]:
    found = (await bus_verification.verify(house.service, house.runtime)).drifts
    # The traffic registers an identity more than once, with other references. Profile does not.
    return [drift for drift in found if drift.rule != "references_are_those_told"]


@pytest.mark.parametrize("stack", [EMBEDDED, GROWN, DISTRIBUTED])
@pytest.mark.parametrize("name", SERVICES)
async def test_what_was_applied_is_there_and_nothing_else(
    name: str, stack: Stack, bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_rules, "PAGE_ROWS", 7)
    monkeypatch.setattr(event_verification, "PAGE_ROWS", 7)
    monkeypatch.setattr(event_verification, "PAGE_RECORDS", 11)
    async with opened(name, stack, tmp_path, bus) as house:
        await fed(house, Traffic(random.Random(f"{SEED}:rows {name}"), clean=True))
        assert await verified(house) == []


LOST = {
    "loyalty": {
        "purchase": "purchase_has_its_event",
        "purchase_return": "return_has_its_event",
        "remedy": "remedy_has_its_grant",
        "posting": "transaction_has_its_event",
    },
    "feedback": {
        "order_fact": "order_has_its_event",
        "order_return": "return_has_its_event",
        "identity": "customer_is_known",
    },
    "scoring": {
        "purchase": "purchase_has_its_event",
        "purchase_return": "return_has_its_event",
        "identity": "customer_is_known",
    },
}
"""The rule that misses a row of each table."""
FORGED = {
    "loyalty": ("purchase", "purchase_id", "amount_minor"),
    "feedback": ("order_fact", "purchase_id", "amount_minor"),
    "scoring": ("purchase", "purchase_id", "amount_minor"),
}
"""A table of facts, the column of their ids, and a column that their events tell."""


@pytest.mark.parametrize("stack", [EMBEDDED, DISTRIBUTED])
@pytest.mark.parametrize("name", SERVICES)
async def test_a_fact_that_is_deleted_renamed_or_changed_is_found(
    name: str, stack: Stack, bus: Bus, tmp_path: Path
) -> None:
    async with opened(name, stack, tmp_path, bus) as house:
        await fed(house, Traffic(random.Random(f"{SEED}:lost {name}"), clean=True))
        for table, rule in LOST[name].items():
            one = (
                "TRUE" if table == "identity" else ONE[stack[0]].format(table=table)
            )  # not each is registered
            assert await planted(house, f"DELETE FROM {table} WHERE {one}") >= 1, table
            assert rule in {drift.rule for drift in await verified(house)}, table
        table, key, column = FORGED[name]
        rule, one = LOST[name][table], ONE[stack[0]].format(table=table)
        known = {drift.subject for drift in await verified(house) if drift.rule == rule}
        await planted(house, f"UPDATE {table} SET {column} = {column} + 1 WHERE {one}")
        (changed,) = [
            drift for drift in await verified(house) if drift.rule == rule and drift.subject not in known
        ]
        assert changed.detail == "the row and its event do not tell the same"
        await planted(
            house,
            f"UPDATE {table} SET {key} = 'pur_ghost', {column} = {column} - 1 WHERE {key} = '{changed.subject}'",
        )
        found = {drift.subject: drift.detail for drift in await verified(house) if drift.rule == rule}
        assert found["pur_ghost"] == "there is a row, and no event told of it"
        assert found[changed.subject] == "an event told of it, and there is no row"


ONE = {
    "sqlite": "rowid = (SELECT max(rowid) FROM {table})",
    "postgresql": "ctid = (SELECT max(ctid) FROM {table})",
}
"""The condition for one row of a table."""


async def planted(house: Running[Any], statement: str) -> int:
    """Run a statement with the triggers of the tables of facts out of the way, and return the number of its rows."""
    async with house.database.begin() as tx:
        if house.database.dialect == "postgresql":
            await tx.run(text("SET LOCAL session_replication_role = replica"))
        else:
            names = (await tx.run(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))).all()
            for (name,) in names:
                await tx.run(text(f"DROP TRIGGER {name}"))
        return (await tx.run(text(statement))).rowcount


def returns_contradicted(sent: Sequence[Wire]) -> set[str]:
    """Return the returns of purchases that were told of two identities, as no neighbour does: one may be erased, and the other not."""
    buyers, returns = defaultdict[bytes, set[bytes]](set), defaultdict[bytes, set[bytes]](set)
    for _, value in sent:
        buyer, purchase, back = (_first(kind, value or b"") for kind in (b"cus", b"pur", b"ret"))
        if buyer and purchase:
            buyers[purchase].add(buyer)
            returns[purchase] |= {back} if back else set()
    return {back.decode() for purchase in buyers if len(buyers[purchase]) > 1 for back in returns[purchase]}


def _first(kind: bytes, value: bytes) -> bytes | None:
    """Return the first id of a kind in the value of a record."""
    found = re.search(rb"\b%b_\w{26}" % kind, value)
    return found and found[0]


@pytest.mark.parametrize("name", SERVICES)
async def test_records_that_were_set_aside_need_no_row(name: str, tmp_path: Path) -> None:
    bus = open_bus("embedded://", home=tmp_path)
    async with opened(name, ("sqlite", "embedded"), tmp_path, bus) as house:
        (handlers,) = house.service.handlers
        traffic = Traffic(random.Random(f"{SEED}:aside {name}"))
        await publish(house, traffic, 3 * RECORDS, house.service.topics_consumed)
        async with consuming(house, house.database, handlers):
            await caught_up(house, house.database, handlers)
        missing = [drift for drift in await verified(house) if drift.detail.startswith("an event told of it")]
        contradicted = returns_contradicted(traffic.sent)
        assert [drift for drift in missing if drift.subject not in contradicted] == []
    await bus.close()


@pytest.mark.parametrize("stack", [EMBEDDED])
@pytest.mark.parametrize("source", ["/huitou/stranger", "/huitou/profile"])
async def test_what_a_stranger_sent_to_the_topics_of_a_service_needs_no_row(
    source: str, stack: Stack, bus: Bus, tmp_path: Path
) -> None:
    async with opened("profile", stack, tmp_path, bus) as house:
        own = dict.fromkeys(house.service.topics_published, 1)
        await bus.ensure_topics(own)
        producer = await bus.producer()
        for record in Traffic(random.Random(f"{SEED}:stranger"), clean=True).records(RECORDS):
            headers = [
                (name, source.encode() if name == "ce_source" else value) for name, value in record.headers
            ]
            topic = BY_TYPE[dict(record.headers)["ce_type"].decode()].topic.name
            if topic in own:
                await producer.send(topic, 0, [Message("k", tuple(headers), record.value)])
        await producer.close()

        found = await event_verification.verify(house.service, house.runtime)

    missing = [drift for drift in found.drifts if "there is no row" in drift.detail]
    assert bool(missing) is (source == "/huitou/profile")
