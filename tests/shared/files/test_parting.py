"""Parting: which entries of a file are recorded together."""

from collections.abc import Iterable

import pytest

from shared.files import parting
from shared.files.parting import Parting


def batches(items: Iterable[tuple[str, str, int]]) -> list[str]:
    """Part items, each with what it is related by and its number of rows."""
    parting_items = Parting[str]()
    complete = [batch for item, related, rows in items for batch in parting_items.add(item, related, rows)]
    return ["".join(batch) for batch in [*complete, *parting_items.rest()]]


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parting, "BATCH_ITEMS_MAX", 3)
    monkeypatch.setattr(parting, "BATCH_ROWS_MAX", 5)


def test_an_item_is_added_though_nobody_looks_at_the_batches_that_are_complete() -> None:
    parting_items = Parting[str]()
    for item in "abcd":
        parting_items.add(item, item, 1)
    assert parting_items.rest() == [["d"]]
    assert parting_items.rest() == []


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], []),
        ([(item, item, 1) for item in "abcdefg"], ["abc", "def", "g"]),
        ([("a", "a", 4), ("b", "b", 1), ("c", "c", 1)], ["ab", "c"]),
        ([("a", "a", 9), ("b", "b", 1)], ["a", "b"]),
        ([("a", "a", 1), ("b", "b", 9), ("c", "c", 1)], ["a", "b", "c"]),
    ],
    ids=("nothing", "items", "rows", "a large item first", "a large item within"),
)
def test_a_batch_ends_at_its_items_or_its_rows(
    items: list[tuple[str, str, int]], expected: list[str]
) -> None:
    assert batches(items) == expected


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([("a", "x", 1), ("b", "x", 1), ("c", "y", 1), ("d", "y", 1)], ["ab", "cd"]),
        ([("a", "x", 1), ("b", "y", 2), ("c", "y", 4)], ["a", "b", "c"]),
        ([(item, "x", 1) for item in "abcd"], ["abc", "d"]),
        ([("a", "x", 1), ("b", "x", 1), ("c", "x", 1), ("d", "x", 1), ("e", "y", 1), ("f", "y", 1)], ["abc", "def"]),
    ],
    ids=("that would be cut", "of more rows than a batch", "of more items than a batch", "after such"),
)  # fmt: skip
def test_related_items_meet_in_one_batch(items: list[tuple[str, str, int]], expected: list[str]) -> None:
    assert batches(items) == expected
