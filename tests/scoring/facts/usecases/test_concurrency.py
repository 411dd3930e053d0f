"""Several consumers at once: the locks keep states right, and nobody deadlocks."""

import asyncio
import random
from datetime import date
from pathlib import Path

import pytest

from services.scoring.facts import invariants
from services.scoring.facts.domain.state import EMPTY
from services.scoring.facts.storage import states
from shared.events.base import Event
from tests.scoring import running
from tests.scoring.oracle import Back, Bought, World
from tests.scoring.running import Scoring

WRITERS = 4
PEOPLE = 40
PURCHASES = 900
MOVES = 120


@pytest.mark.postgresql
async def test_four_consumers_and_two_of_merges_end_in_the_oracles_states(
    tmp_path: Path, seeded: random.Random
) -> None:
    world = World([running.customer() for _ in range(PEOPLE)])
    facts: list[Event] = []
    for _ in range(PURCHASES):
        event = running.bought(seeded.choice(world.people), running.at(seeded.randrange(30)), 100, units=2)
        bought = Bought(event.purchase_id, event.identity_id, event.occurred_at.date(), "CNY", 100, 2)
        world.bought.append(bought)
        facts.append(event)
        if seeded.random() < 0.2:
            back = running.returned(event, event.occurred_at, 100, unit_to=2)
            world.back.append(Back(back.return_id, bought, bought.day, 100, 1, 2))
            facts.append(back)
    moves: list[Event] = []
    for version in range(1, MOVES + 1):
        who, owner = seeded.sample(world.people, 2)
        moves.append(running.moved(who, owner, world.owner(who), version))
        world.moves.append((who, owner, world.owner(who), version))
    async with running.open_scoring("postgresql", tmp_path) as scoring:
        await asyncio.gather(
            *(
                consume(scoring, seeded.sample(facts, len(facts))[: len(facts) // 2], 50)
                for _ in range(WRITERS)
            ),
            consume(scoring, facts, 80),
            consume(scoring, moves, 7),
            consume(scoring, seeded.sample(moves, len(moves)), 5),
        )
        async with scoring.database.read() as read:
            assert list(await invariants.verify(read)) == []
            known = await states.of_customers(read, world.people)
    for who in world.people:
        state = known.get(who, EMPTY)
        expected = world.state(who, date.max)
        assert (state.purchases, state.days, state.net_minor) == (
            expected.get("purchases", 0), expected.get("days", 0), expected.get("gross_minor", 0)
        )  # fmt: skip


async def consume(scoring: Scoring, events: list[Event], size: int) -> None:
    """One consumer: its batches one after the other; a deadlock would raise."""
    for batch in running.batched(events, [size] * (len(events) // size)):
        await scoring.deliver(*batch)
