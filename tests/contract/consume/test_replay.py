"""Reading everything again changes nothing, and what was lost can be computed again from what is kept."""

import dataclasses
import hashlib
import json
import random
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import pytest
from sqlalchemy import Table, delete, func, select, update

from services.loyalty.ledger import invariants as verify
from services.loyalty.ledger.storage import rebuild
from services.loyalty.ledger.storage.tables import lot, wallet
from services.scoring.facts.storage import tables as scoring_tables
from services.scoring.labels.storage.tables import score
from shared.bus import Bus, Message, Record, TopicPartition, open_bus, partition_of
from shared.bus.kafka import KafkaBus
from shared.consume import replaying
from shared.consume.apply import decode_batch
from shared.consume.consumer import Consumer
from shared.consume.handlers import Handlers
from shared.consume.tables import consumer_position, inbox
from shared.context import WriteAudit
from shared.db import Database, Tx
from shared.events import BY_TYPE
from shared.events.base import Event
from shared.identity.tables import identity
from shared.limits import EVENT_BYTES_MAX
from shared.outbox.tables import outbox
from shared.run import roles
from tests.conftest import SEED
from tests.contract.consume.test_fuzz import SERVICES, consume, take_position, traffic_for
from tests.contract.consume.traffic import Traffic
from tests.parts import databases, kafka, servers, services
from tests.parts.databases import Kind
from tests.parts.opened import Opened, opened
from tests.parts.services import Running
from tests.parts.waiting import until
from tests.shared.consume.running import consuming_with

pytestmark = pytest.mark.slow

RECORDS = 1_500
RECORDS_OVER_KAFKA = 600
CAUGHT_UP_SECONDS_MAX = 60.0
BOOKKEEPING = frozenset(
    ("consumer_position", "inbox", "set_aside", "job_state", "failing_job", "ledger_id", "outbox")
)
"""Tables that say what was read, and not what follows from it; the outbox is looked at by what it tells."""
KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
Stack = tuple[Kind, Literal["embedded", "kafka"]]
STACKS = [
    pytest.param(("sqlite", "embedded"), id="embedded"),
    pytest.param(
        ("postgresql", "kafka"), id="distributed", marks=[pytest.mark.postgresql, pytest.mark.kafka]
    ),
]
"""Both ways to run: the databases and the buses that belong together."""
SESSION_SECONDS = 2.0
SENT_AT_ONCE_MAX = 100


@pytest.fixture
async def bus(stack: Stack, tmp_path: Path) -> AsyncIterator[Bus]:
    """A bus without a record in it."""
    if stack[1] == "embedded":
        opened_bus = open_bus("embedded://", home=tmp_path)
    else:
        broker = servers.broker()
        if not broker.ours:
            pytest.skip(f"{broker.sentence} cannot be cleared, or does not allow short sessions")
        await kafka.clear(broker.servers, services.topics())
        opened_bus = KafkaBus([broker.servers], session_seconds=SESSION_SECONDS)
    yield opened_bus
    await opened_bus.close()


async def digest(house: Opened) -> dict[str, str]:
    """A hash of the rows of each table: balances, states, facts, and what was told of them."""
    found = {}
    async with house.runtime.database.read() as read:
        for table in (declared for metadata in house.service.metadata for declared in metadata.sorted_tables):
            if table.name not in BOOKKEEPING:
                found[table.name] = _hash(map(repr, await read.all(select(table))))
        told = await read.all(select(outbox.c.type, outbox.c.key, outbox.c.payload))
    # An erasure, and a remedy that is asked for again, are answered again: the same answer about the same cause.
    found["told"] = _hash({f"{name} {key} {json.loads(payload)['cause']}" for name, key, payload in told})
    return found


def _hash(rows: Iterable[str]) -> str:
    listed = sorted(rows)
    return f"{len(listed)} rows {hashlib.sha256(repr(listed).encode()).hexdigest()}"


def facts_of_one(house: Running[Any], records: Iterable[Record]) -> list[Record]:
    """Without those that claim a fact which was told of another identity before: profile gives each id once.

    Scoring keeps nothing of who was erased, not even the ids of their facts: it would believe the other's claim later.
    """
    (handlers,) = house.service.handlers
    told_of: dict[str, str] = {}

    def is_theirs(event: Event) -> bool:
        fact = getattr(event, "return_id", None) or getattr(event, "purchase_id", None)
        return fact is None or told_of.setdefault(fact, event.key) == event.key

    return [
        record
        for record in records
        if all(is_theirs(item.event) for item in decode_batch([record], handlers).items)
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SERVICES)
async def test_a_replay_from_the_start_changes_nothing(name: str, kind: Kind, tmp_path: Path) -> None:
    async with opened(name, tmp_path, kind) as house:
        await take_position(house)
        sent = facts_of_one(house, traffic_for(house, f"replay {name}").records(RECORDS))
        await consume(house, sent)
        before = await digest(house)

        await consume(house, sent)
        assert await digest(house) == before

        async with house.runtime.database.begin() as tx:
            await tx.execute(delete(inbox))
        await consume(house, sent, most=77)
        assert await digest(house) == before
        async with house.runtime.database.read() as read:
            assert list(await house.service.verify(read)) == []


def consuming(
    house: Running[Any], database: Database, handlers: Handlers, member: str = "one"
) -> AbstractAsyncContextManager[Consumer]:
    """A running consumer, until the block ends; how much it sets aside does not stop it."""
    return consuming_with(
        database, house.runtime.bus, house.runtime.vault, handlers, member=member, percent=100
    )


async def publish(
    house: Running[Any], traffic: Traffic, count: int, wanted: Collection[str] | None = None
) -> None:
    """Put records onto the real topics, or onto those that are wanted, each key into its partition."""
    topics = {
        name: partitions
        for name, partitions in roles.topics_of(house.service).items()
        if wanted is None or name in wanted
    }
    await house.runtime.bus.ensure_topics(topics)
    producer = await house.runtime.bus.producer()
    placed: list[tuple[TopicPartition, Message]] = []
    for record in facts_of_one(house, traffic.records(count)):
        named = dict(record.headers).get("ce_type", b"").decode(errors="replace")
        topic = BY_TYPE[named].topic.name if named in BY_TYPE else "huitou.purchases"
        if topic in topics and record.value is not None and len(record.value) < EVENT_BYTES_MAX:
            key = (record.key or b"").decode("latin-1")
            message = Message(key=key, headers=record.headers, value=record.value)
            placed.append((TopicPartition(topic, partition_of(key, topics[topic])), message))
    for (topic, partition), of_place in groupby(
        sorted(placed, key=lambda each: each[0]), lambda each: each[0]
    ):
        messages = [message for _, message in of_place]
        for start in range(0, len(messages), SENT_AT_ONCE_MAX):
            await producer.send(topic, partition, messages[start : start + SENT_AT_ONCE_MAX])
    await producer.close()


async def caught_up(house: Running[Any], database: Database, handlers: Handlers) -> None:
    """Return when the consumer stands at the end of each of its topics."""
    ends = await house.runtime.bus.end_offsets(handlers.topics)

    async def done() -> bool:
        place = consumer_position.c
        statement = select(place.topic, place.partition, place.next_offset)
        async with database.read() as read:
            rows = await read.all(statement.where(place.consumer == handlers.consumer))
        stands = {TopicPartition(topic, partition): offset for topic, partition, offset in rows}
        return all(stands.get(place) == end for place, end in ends.items())

    await until(done, what="the consumer has caught up", seconds_max=CAUGHT_UP_SECONDS_MAX)


async def unaudited(_: Tx) -> None:
    """The trail is looked at in tests of the command."""


async def cannot_be_audited(_: Tx) -> None:
    raise RuntimeError


@pytest.mark.parametrize(
    ("name", "stack"),
    [
        pytest.param(name, *stack.values, id=f"{name}-{stack.id}", marks=[*stack.marks, *marks])
        for name in SERVICES
        for stack, marks in zip(STACKS, ([], [] if name == "loyalty" else [pytest.mark.long]), strict=True)
    ],
)
async def test_a_replay_is_refused_while_anybody_consumes_and_harmless_afterwards(
    name: str, stack: Stack, bus: Bus, tmp_path: Path
) -> None:
    async with opened(name, tmp_path, stack[0], bus=bus) as house:
        (handlers,) = house.service.handlers
        runtime = house.runtime

        async def replay(audit: WriteAudit = unaudited, **more: Any) -> int:
            return await replaying.replay(
                runtime.database,
                runtime.bus,
                handlers,
                handlers.topics,
                member="replay",
                audit=audit,
                **more,
            )

        await publish(house, traffic_for(house, f"bus {name}"), 400)
        async with consuming(house, runtime.database, handlers):
            await caught_up(house, runtime.database, handlers)
            with pytest.raises(replaying.NotAlone, match=f"The consumer {name} runs"):
                await replay(alone_seconds_max=1.0)
            await caught_up(house, runtime.database, handlers)
        before = await digest(house)
        with pytest.raises(RuntimeError):
            await replay(audit=cannot_be_audited)
        assert await _positions(house, handlers.topics) != {0}, (
            "an act without a row in the trail is not done"
        )

        for forget_seen in (False, True):
            assert await replay(forget_seen=forget_seen) > 50
            assert await _positions(house, handlers.topics) == {0}
            async with consuming(house, runtime.database, handlers, "two"):
                await caught_up(house, runtime.database, handlers)
            assert await digest(house) == before
        if name == "loyalty":
            assert await _rebuilt_lots(house) > 10


async def _positions(house: Opened, topics: Collection[str]) -> set[int]:
    place = consumer_position.c
    async with house.runtime.database.read() as read:
        return {
            offset for (offset,) in await read.all(select(place.next_offset).where(place.topic.in_(topics)))
        }


@pytest.mark.parametrize("stack", STACKS)
async def test_scoring_rebuilt_from_the_topics_into_an_empty_database_is_the_live_one(
    stack: Stack, bus: Bus, tmp_path: Path
) -> None:
    kind = stack[0]
    live_folder, new_folder = tmp_path / "live", tmp_path / "new"
    live_folder.mkdir()
    new_folder.mkdir()
    async with opened("scoring", live_folder, kind, bus=bus) as house:
        (handlers,) = house.service.handlers
        async with house.runtime.database.begin() as tx:  # what is in it did not come from the topics
            for table in reversed(
                [declared for meta in house.service.metadata for declared in meta.sorted_tables]
            ):
                if table.name in ("purchase", "day_rollup", "customer_state", "score", "identity"):
                    await tx.execute(delete(table))
        traffic = Traffic(random.Random(f"{SEED}:rebuilt"), clean=True)
        await bus.ensure_topics(roles.topics_of(house.service))
        async with consuming(house, house.runtime.database, handlers):
            for _ in range(4):
                await publish(house, traffic, (RECORDS if kind == "sqlite" else RECORDS_OVER_KAFKA) // 4)
            await caught_up(house, house.runtime.database, handlers)
        async with databases.fresh(kind, "scoring", folder=new_folder, clock=house.clock) as database:
            smaller = dataclasses.replace(handlers, batch_max=37)
            async with consuming(house, database, smaller, "two"):
                await caught_up(house, database, smaller)
            lived, rebuilt = await _scores(house.runtime.database), await _scores(database)

    assert all(lived.values())
    assert rebuilt == lived


async def _scores(database: Database) -> dict[str, list[str]]:
    """What scoring knows, but for when it wrote it down, and what it says now, not how often it changed its mind.

    A state without a purchase says what no row says: it was made to be locked, and how often depends on the batches.
    """
    tables: Sequence[Table] = (
        identity, scoring_tables.purchase, scoring_tables.purchase_return, scoring_tables.day_rollup,
        scoring_tables.customer_state,
    )  # fmt: skip
    said = score.c
    labels = select(said.customer_id, said.kind, said.label, said.model_version).where(
        said.label.is_not(None)
    )
    found: dict[str, list[str]] = {}
    async with database.read() as read:
        for table in tables:
            columns = [column for column in table.columns if column.name != "booked_at"]
            rows = select(*columns)
            if table is scoring_tables.customer_state:
                rows = rows.where(scoring_tables.customer_state.c.purchases > 0)
            found[table.name] = sorted(map(repr, await read.all(rows)))
        found["labels"] = sorted(map(repr, await read.all(labels)))
    return found


@pytest.mark.parametrize("kind", KINDS)
async def test_balances_lots_and_tiers_rebuilt_from_the_ledger_are_the_live_ones(
    kind: Kind, tmp_path: Path
) -> None:
    async with opened("loyalty", tmp_path, kind) as house:
        await take_position(house)
        await consume(house, traffic_for(house, "ledger").records(RECORDS))

        assert await _rebuilt_lots(house) > 50


async def _rebuilt_lots(house: Opened) -> int:
    """How many lots the postings alone give, all of which, with the wallets and tiers, are as they are stored."""
    async with house.runtime.database.read() as read:
        ids = [row_id for (row_id,) in await read.all(select(wallet.c.id))]
        rebuilt = await rebuild.of(read, ids)
        wallets = await read.all(
            select(wallet.c.id, wallet.c.active, wallet.c.pending, wallet.c.held, wallet.c.owed)
        )
        lots = await read.all(select(lot.c.id, *(lot.c[name] for name in verify.LOT_STATE)))

        assert {tuple(row)[1:] for row in wallets} != {(0, 0, 0, 0)}
        for row_id, *state in wallets:
            computed = rebuilt.wallets.get(row_id)
            expected = [getattr(computed, name) if computed else 0 for name in verify.WALLET_STATE]
            assert state == expected
        assert {row[0]: tuple(row)[1:] for row in lots} == {
            lot.id: tuple(getattr(lot, name) for name in verify.LOT_STATE) for lot in rebuilt.lots.values()
        }
        assert list(await house.service.verify(read)) == []
    return len(lots)


async def test_a_balance_that_was_changed_by_hand_is_found(tmp_path: Path) -> None:
    async with opened("loyalty", tmp_path) as house:
        async with house.runtime.database.begin() as tx:
            first = await tx.scalar(select(func.min(wallet.c.id)))
            await tx.execute(update(wallet).where(wallet.c.id == first).values(active=wallet.c.active + 1))
        async with house.runtime.database.read() as read:
            found = list(await house.service.verify(read))

    assert [drift.rule for drift in found] == ["wallet_is_its_postings", "liability_is_wallets"]
