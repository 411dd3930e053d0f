"""What points are worth: never more than is due, and never more points than it takes."""

from __future__ import annotations

import random

from services.loyalty.checkout.domain import paying, quoting
from services.loyalty.checkout.domain.paying import KeptLine, Tender, tender_of
from services.loyalty.checkout.domain.quoting import QuotePart
from services.loyalty.ledger.domain.programme import PointsWorth
from services.loyalty.purchases.domain.facts import Line
from tests.conftest import SEED
from tests.loyalty.oracle import spread

CENT = PointsWorth(points=1, amount_minor=1)


def test_points_pay_what_they_are_worth_up_to_what_is_due() -> None:
    yen = PointsWorth(points=100, amount_minor=1)
    dear = PointsWorth(points=1, amount_minor=3)

    assert tender_of(250, 1_000, CENT) == Tender(250, 250)
    assert tender_of(250, 100, CENT) == Tender(100, 100)
    assert tender_of(250, 1_000, yen) == Tender(200, 2)
    assert tender_of(99, 1_000, yen) == Tender(0, 0)
    assert tender_of(10, 10, dear) == Tender(4, 10)
    assert tender_of(10, 0, CENT) == Tender(0, 0)
    assert tender_of(250, 100, None) == Tender(250, None)


def test_one_point_less_pays_less() -> None:
    """Against a clerk who counts up from nothing."""
    chance = random.Random(SEED)
    for _ in range(2_000):
        value = PointsWorth(points=chance.randint(1, 200), amount_minor=chance.randint(1, 200))
        points, due = chance.randint(0, 300), chance.randint(0, 400)

        def worth(number: int, value: PointsWorth = value, due: int = due) -> int:
            return min(number * value.amount_minor // value.points, due)

        fewest = next(number for number in range(points + 1) if worth(number) == worth(points))
        assert tender_of(points, due, value) == Tender(fewest, worth(points))


def test_points_of_kept_units_are_those_that_an_oracle_spreads() -> None:
    chance = random.Random(SEED)
    for _ in range(300):
        lines = [(chance.randint(1, 5), chance.randint(0, 900)) for _ in range(chance.randint(1, 4))]
        points = chance.randint(1, 90)
        kept = [(line, chance.randint(1, quantity)) for line, (quantity, _) in enumerate(lines, 1)]
        stored = [Line(*line) for line in lines]
        asked = [KeptLine(*line) for line in kept]

        mine = sum(1 for line, unit in spread(points, lines) if unit <= kept[line - 1][1])

        assert paying.points_kept(points, stored, asked) == mine
        worths = [line.amount_minor for line in paying.lines_kept(stored, asked)]
        assert worths == [amount * of // q for (_, of), (q, amount) in zip(kept, lines, strict=True)]


def test_a_part_of_a_tender_is_worth_its_share() -> None:
    assert paying.worth_kept(Tender(4, 10), 4) == 10
    assert paying.worth_kept(Tender(4, 10), 3) == 7
    assert paying.worth_kept(Tender(4, None), 3) is None


def test_a_hash_tells_in_which_parts_two_quotes_differ() -> None:
    contents: dict[QuotePart, object] = {part: [part.value, 1] for part in QuotePart}
    earlier = quoting.hash_of(contents)
    for part in QuotePart:
        later = quoting.hash_of(contents | {part: [part.value, 2]})
        assert quoting.differing(earlier, later) == [part]
    assert quoting.differing(earlier, quoting.hash_of(dict(reversed(contents.items())))) == []
    assert len(earlier) == quoting.HASH_CHARACTERS
