"""P7.4: one record of every bad sort in the middle of a full batch costs itself and nobody else."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, select

from shared.bus import Record
from shared.consume.tables import set_aside
from shared.limits import EVENT_BYTES_MAX
from tests.conftest import SEED
from tests.contract.consume import stories
from tests.contract.consume.stories import Story
from tests.contract.consume.test_disorder import KINDS
from tests.contract.consume.test_fuzz import SERVICES, consume, take_position
from tests.contract.consume.traffic import TOPIC
from tests.parts.databases import Kind
from tests.parts.opened import opened

BATCH = 500
PERCENT_MAX = 5

Headers = Sequence[tuple[str, bytes]]
Bad = tuple[Headers, bytes | None]


def without(headers: Headers, *names: str) -> list[tuple[str, bytes]]:
    """The headers but these."""
    return [(name, value) for name, value in headers if name not in names]


POISON: dict[str, Callable[[Headers, bytes], Bad]] = {
    "no value": lambda headers, value: (headers, None),
    "an empty value": lambda headers, value: (headers, b""),
    "no headers": lambda headers, value: ([], value),
    "no id": lambda headers, value: (without(headers, "ce_id"), value),
    "an id that is none": lambda headers, value: ([*without(headers, "ce_id"), ("ce_id", b"\xff\x00")], value),
    "another specversion": lambda headers, value: (
        [*without(headers, "ce_specversion"), ("ce_specversion", b"0.3")], value,
    ),
    "a header twice": lambda headers, value: ([*headers, headers[0]], value),
    "half the value": lambda headers, value: (headers, value[: len(value) // 2]),
    "bytes that are no text": lambda headers, value: (headers, b"\xff\xfe" + value),
    "a list": lambda headers, value: (headers, b"[" + value + b"]"),
    "another type": lambda headers, value: ([*without(headers, "ce_type"), ("ce_type", b"a b")], value),
    "a missing field": lambda headers, value: (headers, b"{}"),
    "a wrong field": lambda headers, value: (headers, value.replace(b'"CNY"', b'"yuan"')),
    "a number too large": lambda headers, value: (headers, value.replace(b'"line":1', b'"line":' + b"9" * 400)),
    "a NUL": lambda headers, value: (headers, value.replace(b'"sku-1"', b'"a\\u0000b"')),
    "half a character": lambda headers, value: (headers, value.replace(b'"sku-1"', b'"\\ud800"')),
    "deep": lambda headers, value: (headers, b"[" * 20_000),
    "too much": lambda headers, value: (headers, value + b" " * EVENT_BYTES_MAX),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SERVICES)
async def test_poison_of_every_sort_in_the_middle_of_a_batch_costs_only_itself(
    name: str, kind: Kind, tmp_path: Path
) -> None:
    async with opened(name, tmp_path, kind) as house:
        await take_position(house)
        story = Story(random.Random(SEED))
        people = [story.id("cus") for _ in range(BATCH)]
        bought = [stories.purchase(story, who, [1], amount_minor=700) for who in people]
        told = stories.once(story, bought[: BATCH - len(POISON)])
        records = stories.records_of(told[: BATCH // 2])
        ruined = stories.once(story, bought[-len(POISON) :])
        for make, (event, (headers, value)) in zip(POISON.values(), ruined, strict=True):
            made, content = make(headers, value)
            assert (made, content) != (headers, value)
            records.append(Record(TOPIC, 0, len(records), event.key.encode(), tuple(made), content, 0))
        records += stories.records_of(told[BATCH // 2 :], len(records))

        outcome = await consume(house, records, percent_max=PERCENT_MAX, most=BATCH)

        assert (len(records), outcome.applied, outcome.dead) == (BATCH, BATCH - len(POISON), len(POISON))
        async with house.runtime.database.read() as read:
            of_topic = select(func.count()).select_from(set_aside).where(set_aside.c.topic == TOPIC)
            assert await read.scalar(of_topic) == len(POISON)
            assert list(await house.service.verify(read)) == []
        kept = await stories.books(house, story)
        for number, who in enumerate(people):
            assert any(who in row for row in kept[f"{name} 1"]) == (number < BATCH - len(POISON)), f"{who}"
