"""The rulebooks and their one rule."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from services.loyalty.earning.domain.earning import Outcome, outcome_of
from services.loyalty.earning.domain.rulebook import Rulebook, Rulebooks, default_rulebook, parse
from services.loyalty.earning.domain.rules import PointsPerAmount, type_of_kind
from services.loyalty.earning.domain.rules.grants import Grant
from services.loyalty.purchases.domain.facts import Line, Purchase

START = datetime(2026, 1, 1, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def buy(amount_minor: int, currency: str) -> Purchase:
    return Purchase("pur", "cus", "cus", "s", "o", START, currency, amount_minor, (Line(1, amount_minor),))


@pytest.mark.parametrize(
    ("currency", "amount_minor", "points", "outcome"),
    [
        ("CNY", 1_999, 19, Outcome.EARNED),
        ("CNY", 99, 0, Outcome.ZERO),
        ("CNY", 0, 0, Outcome.ZERO),
        ("JPY", 1_999, 1_999, Outcome.EARNED),
        ("KWD", 1_999, 1, Outcome.EARNED),
    ],
)
def test_a_whole_unit_of_money_is_a_point(
    currency: str, amount_minor: int, points: int, outcome: Outcome
) -> None:
    answers = default_rulebook(currency).answers(buy(amount_minor, currency), UTC_ZONE)

    assert sum(answer.points for answer in answers if isinstance(answer, Grant)) == points
    assert outcome_of(answers) is outcome


def test_a_currency_without_a_rate_earns_nothing_and_says_why() -> None:
    answers = default_rulebook("CNY").answers(buy(5_000, "USD"), UTC_ZONE)

    assert outcome_of(answers) is Outcome.NO_RATE


def test_the_rulebook_in_force_is_that_of_the_instant() -> None:
    double = Rulebook(version=2, in_force_from=START, rules=(PointsPerAmount(code="base", rates={"CNY": 2}),))
    rulebooks = Rulebooks(versions=(default_rulebook("CNY"), double))

    assert rulebooks.at(START - timedelta(microseconds=1)).version == 1
    assert rulebooks.at(START).version == 2


def test_stored_rulebooks_are_read_back_as_they_were() -> None:
    rulebook = default_rulebook("USD")

    assert parse((rulebook.model_dump_json(),)) == Rulebooks(versions=(rulebook,))


def test_rulebooks_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValidationError):
        Rulebooks(versions=(default_rulebook("CNY"),) * 2)


def test_every_kind_is_registered_under_its_own_name() -> None:
    for kind, rule in type_of_kind.items():
        assert rule.model_fields["kind"].default == kind
