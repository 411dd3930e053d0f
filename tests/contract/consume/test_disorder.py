"""Whatever the order, the repeats, the clocks and the versions of those who tell: the books are the same."""

import itertools
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, func, select

from services.feedback.orders.storage import tables as feedback
from services.loyalty.ledger.storage import tables as loyalty
from services.scoring.facts.storage import tables as scoring
from shared.consume.apply import Outcome
from shared.consume.tables import set_aside as table
from shared.events.base import Event
from tests.conftest import SEED
from tests.contract.consume import stories
from tests.contract.consume.stories import Books, Story, Told
from tests.contract.consume.test_fuzz import SERVICES, consume, take_position
from tests.contract.consume.traffic import TOPIC
from tests.parts import operators
from tests.parts.databases import Kind
from tests.parts.opened import NOW, Opened, opened

pytestmark = pytest.mark.slow

KINDS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql))
BATCHES = ((1, 7, 61), (500,))
SKEW = timedelta(days=1)
BEHIND = timedelta(hours=1)
DISCARDS_MAX = 10
TESTED = pytest.mark.parametrize(
    ("name", "kind"), list(itertools.product(SERVICES, ("sqlite", "postgresql")))
)


@asynccontextmanager
async def consumer(name: str, folder: Path, kind: Kind) -> AsyncIterator[Opened]:
    """A service that has its place in the topic and the remedies of feedback's to wait for."""
    folder.mkdir()
    async with opened(name, folder, kind) as house:
        await take_position(house)
        yield house


async def hear(house: Opened, told: Told, sizes: Sequence[int]) -> Outcome:
    """Apply what is told in batches of these sizes in turn; nothing of it may be set aside for good."""
    records, total, start = stories.records_of(told), Outcome(), 0
    for size in itertools.cycle(sizes):
        if start >= len(records):
            break
        outcome = await consume(house, records[start : start + size])
        total.applied, total.repeated = total.applied + outcome.applied, total.repeated + outcome.repeated
        total.skipped, total.dead = total.skipped + outcome.skipped, total.dead + outcome.dead
        start += size
    return total


async def balanced(house: Opened, story: Story) -> Books:
    """The books of the story, with nothing left to wait for and nothing drifted."""
    async with house.runtime.database.read() as read:
        assert list(await house.service.verify(read)) == []
        of_story = table.c.topic == TOPIC, table.c.state.in_(("dead", "queued", "parked"))
        left = await read.all(select(table.c.code, table.c.reason).where(*of_story))
    assert left == []
    return await stories.books(house, story)


def story_for(house: Opened) -> Story:
    """The story of this run: the same for every service, but for the remedies that feedback waits to hear of."""
    remedies = [ids["remedy_id"] for ids in (house.of_owner, house.of_partner) if "remedy_id" in ids]
    return Story(random.Random(SEED), remedies)


async def in_order(
    name: str, folder: Path, kind: Kind, events: Callable[[Story], list[Event]] = lambda story: story.events
) -> Books:
    """The books after everything was told once and in order."""
    async with consumer(name, folder, kind) as house:
        story = story_for(house)
        before = await balanced(house, story)
        await hear(house, stories.once(story, events(story)), (500,))
        after = await balanced(house, story)
    assert all(after[part] != before[part] for part in after)
    return after


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SERVICES)
async def test_records_told_up_to_five_times_in_any_order_leave_the_same_books(
    name: str, kind: Kind, tmp_path: Path
) -> None:
    """P7.2: also the same receipt under a new event id."""
    expected = await in_order(name, tmp_path / "order", kind)

    for number, sizes in enumerate(BATCHES):
        async with consumer(name, tmp_path / str(number), kind) as house:
            story = story_for(house)
            again = stories.disordered(story, stories.once(story), random.Random(f"{SEED}:{number}"))
            total = await hear(house, again, sizes)

            assert total.dead == 0
            assert total.repeated or not house.service.handlers[0].inbox
            assert await balanced(house, story) == expected, f"seed {SEED}, batches of {sizes}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SERVICES)
async def test_a_purchase_and_its_returns_in_every_order_leave_the_same_books(
    name: str, kind: Kind, tmp_path: Path
) -> None:
    """P7.7: before the purchase, twice, by another receipt again, and larger than the purchase: all 120 orders."""
    async with consumer(name, tmp_path / "house", kind) as house:
        story = Story(random.Random(SEED))
        told, people = list[tuple[Event, stories.Wire]](), []
        for order in itertools.permutations(range(5)):
            people.append(story.id("cus"))
            bought = stories.purchase(story, people[-1], [3], amount_minor=9_999)
            first, again = (stories.back(story, bought, 1, 3, 3) for _ in range(2))
            larger = stories.back(story, bought, 1, 1, 4)
            facts = stories.once(story, [bought, first, first, again, larger])
            told += [facts[place] for place in order]

        await hear(house, told, (1, 7, 500))
        await discard_everything(house)

        await balanced(house, story)
        async with house.runtime.database.read() as read:
            rows = {row[0]: tuple(row)[1:] for row in await read.all(LEFT_OF_IT[name])}
        (left,) = {rows.get(who) for who in people}
        if name == "loyalty":
            assert left == (66, 0, 6_666)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SERVICES)
async def test_producers_clocks_a_day_off_and_a_consumers_that_goes_back_change_nothing(
    name: str, kind: Kind, tmp_path: Path
) -> None:
    """P7.10: `occurred_at` is what its producer says; when a consumer hears of it decides nothing."""
    expected = await in_order(name, tmp_path / "right", kind, skewed)

    async with consumer(name, tmp_path / "wrong", kind) as house:
        story = story_for(house)
        told = stories.once(story, skewed(story))
        third = len(told) // 3
        for part, step in (
            (told[:third], -BEHIND),
            (told[third : 2 * third], 2 * BEHIND),
            (told[2 * third :], -SKEW),
        ):
            house.clock.advance(step)
            await hear(house, part, (40,))
        house.clock.advance(NOW - house.clock.now())

        found = await balanced(house, story)
        for books in (found, expected):
            books.pop(
                stories.LABELS, None
            )  # a label is said as of the consumer's clock, and falls as days pass
        assert found == expected


def skewed(story: Story) -> list[Event]:
    """The events as producers tell them whose clocks are a day ahead, a day behind or right, also one beside the other."""
    rng = random.Random(f"{SEED}:skew")
    return [
        event.model_copy(update={"occurred_at": event.occurred_at + rng.choice((-SKEW, SKEW * 0, SKEW))})
        for event in story.events
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SERVICES)
async def test_a_newer_and_an_older_producer_are_understood_alike(
    name: str, kind: Kind, tmp_path: Path
) -> None:
    """P7.12: fields and types that came later are passed over, v2 is told beside v1, and what is optional is left out."""
    expected = await in_order(name, tmp_path / "same", kind)

    async with consumer(name, tmp_path / "newer", kind) as house:
        story = story_for(house)
        told = stories.once(story)
        newer = stories.changed(told, with_news)
        beside = [
            *stories.as_type(newer, "{}.v2"),
            *stories.as_type(told, "{}.v17"),
            *stories.as_type(told, "other.thing_happened.v1"),
        ]
        everything = [
            message for four in zip(newer, *batched(beside, len(told)), strict=True) for message in four
        ]
        total = await hear(house, everything, (50,))
        assert (total.dead, total.skipped >= len(beside)) == (0, True)
        assert await balanced(house, story) == expected

    async with consumer(name, tmp_path / "older", kind) as house:
        story = story_for(house)
        total = await hear(house, stories.changed(stories.once(story), without_options), (50,))
        assert total.dead == 0
        assert await balanced(house, story) == expected


async def discard_everything(house: Opened) -> None:
    """Give up what was refused, one after the other, until nothing is set aside any more."""
    (handlers,) = house.service.handlers
    runtime = house.runtime
    for _ in range(DISCARDS_MAX):
        async with runtime.database.read() as read:
            dead = table.c.topic == TOPIC, table.c.state == "dead"
            ids = [row_id for (row_id,) in await read.all(select(table.c.id).where(*dead))]
        if not ids:
            return
        for set_aside_id in ids:
            await operators.discard(runtime.database, handlers, runtime.context, set_aside_id, by="test")
    raise AssertionError("there was always something more")


def batched(told: Told, size: int) -> list[Told]:
    """The list in parts of one size."""
    return [told[start : start + size] for start in range(0, len(told), size)]


def with_news(document: dict[str, Any]) -> None:
    """Give the event, and every object in it, fields that nobody knows yet."""
    for value in list(document.values()):
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                with_news(inner)
    document |= {"new_field": {"deep": [1, None, "x"]}, "loyalty_code": "L-1", "v2": True}


def without_options(document: dict[str, Any]) -> None:
    """Leave out what may be left out: what is null."""
    for key, value in list(document.items()):
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                without_options(inner)
        if value is None:
            del document[key]


LEFT_OF_IT: dict[str, Select[*tuple[Any, ...]]] = {
    "loyalty": select(*(loyalty.wallet.c[name] for name in ("identity_id", "active", "owed", "spend"))),
    "feedback": select(
        feedback.order_return.c.identity_id, func.count(), func.sum(feedback.order_return.c.amount_minor)
    ).group_by(feedback.order_return.c.identity_id),
    "scoring": select(
        *(
            scoring.day_rollup.c[name]
            for name in ("identity_id", "purchases", "units", "gross_minor", "refund_minor")
        )
    ),
}
"""What each service keeps of one customer's purchase and its returns."""
