"""Random worlds: whatever the order, the repeats and the batches, the states are those of an independent oracle."""

import dataclasses
import os
import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from services.scoring.facts import invariants
from services.scoring.facts.domain.facts import Cut, History
from services.scoring.facts.domain.state import EMPTY, State
from services.scoring.facts.storage import facts, states
from services.scoring.labels.storage import statements
from services.scoring.models.domain.kinds import rfm
from services.scoring.scores.domain import answers
from shared.events.base import Event
from shared.events.profile import PurchaseRecorded
from tests.parts import databases
from tests.parts.sampling import limit
from tests.scoring import running
from tests.scoring.oracle import Back, Bought, World
from tests.scoring.running import NOW, Scoring

STEPS_MAX = 14
PEOPLE = 4
DAYS = 30
START = (NOW - timedelta(days=60)).date()
AS_OF = [START + timedelta(days=2 * number) for number in range(17)]
TOGETHER = 100
"""Worlds that share their batches: they cannot see each other, and batches are as large as in earnest."""


class Story:
    """A world with the events that tell of it."""

    def __init__(self, rng: random.Random) -> None:
        self.world = World([running.customer() for _ in range(PEOPLE)])
        self.events: list[Event] = []
        self.recorded: dict[str, PurchaseRecorded] = {}
        self.rng = rng
        for _ in range(rng.randint(1, STEPS_MAX)):
            rng.choices([self.buy, self.give_back, self.move, self.erase], weights=[10, 5, 3, 0.5])[0]()

    def buy(self) -> None:
        rng = self.rng
        day = START + timedelta(days=rng.randrange(DAYS))
        event = running.bought(
            rng.choice(self.world.people), running.noon(day), rng.choice([0, 0, 100, 999, 12345]),
            units=rng.randint(1, 3), currency=rng.choice(["CNY", "CNY", "USD"]),
        )  # fmt: skip
        self.recorded[event.purchase_id] = event
        self.world.bought.append(
            Bought(
                event.purchase_id,
                event.identity_id,
                day,
                event.currency,
                event.amount_minor,
                event.lines[0].quantity,
            )
        )
        self.events.append(event)

    def give_back(self) -> None:
        rng, left = self.rng, []
        for bought in self.world.bought:
            gone = sum(back.last - back.first + 1 for back in self.world.back if back.of is bought)
            if gone < bought.units:
                left.append((bought, gone + 1))
        if not left:
            return
        bought, first = rng.choice(left)
        last = rng.randint(first, bought.units)
        amount = bought.amount // bought.units * (last - first + 1)
        day = bought.day + timedelta(days=rng.randint(-1, 12))
        event = running.returned(
            self.recorded[bought.id], running.noon(day), amount, unit_from=first, unit_to=last
        )
        self.world.back.append(Back(event.return_id, bought, day, amount, first, last))
        self.events.append(event)

    def move(self) -> None:
        who = self.rng.choice(self.world.people)
        owner, former = self.rng.choice(self.world.people), self.world.owner(who)
        if owner == former:
            return
        version = 1 + sum(moved == who for moved, _, _, _ in self.world.moves)
        self.world.moves.append((who, owner, former, version))
        self.events.append(running.moved(who, owner, former, version))

    def erase(self) -> None:
        who = self.rng.choice(self.world.people)
        if who not in self.world.erased:
            self.world.erased.append(who)
            self.events.append(running.erased(who))

    def stream(self) -> list[Event]:
        """The events in any order, some of them several times."""
        again = [event for event in self.events for _ in range(self.rng.choice([1, 1, 1, 2, 3]))]
        return self.rng.sample(again, len(again))


async def tell(scoring: Scoring, stories: Sequence[Story], rng: random.Random) -> None:
    """Deliver the streams in batches cut at random, each batch in rounds of one event a world and type."""
    streams = [running.batched(story.stream(), [rng.randint(1, 12) for _ in range(3)]) for story in stories]
    for number in range(max(map(len, streams))):
        batches = [batches[number] for batches in streams if number < len(batches)]
        async with scoring.database.begin() as tx:
            await scoring.handlers.lock(
                tx, scoring.runtime.context, [event for batch in batches for event in batch]
            )
            for place in range(max(map(len, batches))):
                waves: dict[type[Event], list[Event]] = {}
                for batch in batches:
                    if place < len(batch):
                        waves.setdefault(type(batch[place]), []).append(batch[place])
                for wave in waves.values():
                    async with tx.savepoint():
                        await scoring.handlers.apply(tx, scoring.runtime.context, wave)


async def check(scoring: Scoring, stories: Sequence[Story], seed: str) -> None:
    """Everything stored, and every answer as of any day, is what the oracle says."""
    people = [who for story in stories for who in story.world.people]
    async with scoring.database.read() as read:
        known = await states.of_customers(read, people)
        said = await statements.of_customers(read, people)
        known_facts = await facts.history_of(read, people)
    for story in stories:
        owner = {who: story.world.owner(who) for who in story.world.people}
        for who in story.world.people:
            expected = story.world.state(who, date.max)
            assert plain(known.get(who, EMPTY)) == expected, f"{seed}: {who} {story.world}"
            label = said[who].label if who in said else None
            assert label == label_of(expected), f"{seed}: {who} {story.world}"
            history = History(
                tuple(fact for fact in known_facts.purchases if owner.get(fact.identity_id) == who),
                tuple(fact for fact in known_facts.returns if owner.get(fact.identity_id) == who),
            )
            for day in AS_OF:
                then = plain(answers.state_at(history, Cut(day)))
                assert then == story.world.state(who, day), f"{seed}: {who} as of {day} {story.world}"


def plain(state: State) -> dict[str, object]:
    if state == EMPTY:
        return {}
    values = dataclasses.asdict(state)
    values["other_currencies"] = [dataclasses.astuple(currency) for currency in state.other_currencies]
    return values


def label_of(expected: dict[str, object]) -> str | None:
    if not expected:
        return None
    last, purchases = expected["last_day"], expected["purchases"]
    assert isinstance(last, date)
    assert isinstance(purchases, int)
    r = rfm.recency_score((NOW.date() - last).days, rfm.SHIPPED)
    return rfm.segment(r, rfm.frequency_score(purchases, rfm.SHIPPED)).value


@pytest.mark.parametrize(
    ("kind", "worlds"),
    [
        ("sqlite", limit(300, 1_500)),
        pytest.param("postgresql", limit(100, 200), marks=pytest.mark.postgresql),
    ],
    ids=["sqlite", "postgresql"],
)
async def test_i1_any_order_and_any_repeats_lead_to_the_oracles_states(
    kind: databases.Kind, worlds: int, tmp_path: Path
) -> None:
    seed = os.environ.get("TEST_SEED", "20260801")
    rng = random.Random(seed)
    async with running.open_scoring(kind, tmp_path) as scoring:
        for _ in range(0, worlds, TOGETHER):
            stories = [Story(rng) for _ in range(TOGETHER)]
            await tell(scoring, stories, rng)
            await check(scoring, stories, f"TEST_SEED={seed}")
        async with scoring.database.read() as read:
            assert list(await invariants.verify(read)) == []
