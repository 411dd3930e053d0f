"""The programme document and its one rule."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from services.loyalty.domain.earning import Outcome, outcome_of
from services.loyalty.domain.facts import Line, Purchase
from services.loyalty.domain.programme import Programme, Rulebook, default_programme, parse
from services.loyalty.domain.rules import PointsPerAmount, type_of_kind
from services.loyalty.domain.rules.grants import Grant

START = datetime(2026, 1, 1, tzinfo=UTC)


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
    programme = default_programme(currency, "UTC")

    answers = programme.rulebook_at(START).answers(buy(amount_minor, currency), programme.zone_info)

    assert sum(answer.points for answer in answers if isinstance(answer, Grant)) == points
    assert outcome_of(answers) is outcome


def test_a_currency_without_a_rate_earns_nothing_and_says_why() -> None:
    programme = default_programme("CNY", "UTC")

    answers = programme.rulebook_at(START).answers(buy(5_000, "USD"), programme.zone_info)

    assert outcome_of(answers) is Outcome.NO_RATE


def test_the_rulebook_in_force_is_that_of_the_instant() -> None:
    base = default_programme("CNY", "UTC")
    double = Rulebook(version=2, in_force_from=START, rules=(PointsPerAmount(code="base", rates={"CNY": 2}),))
    programme = base.model_copy(update={"rulebooks": (*base.rulebooks, double)})

    assert programme.rulebook_at(START - timedelta(microseconds=1)).version == 1
    assert programme.rulebook_at(START).version == 2


def test_a_stored_document_is_read_back_as_it_was() -> None:
    programme = default_programme("USD", "America/New_York")

    assert parse(programme.model_dump_json()) == programme


@pytest.mark.parametrize(
    "change",
    [
        {"zone": "Moon/Base"},
        {"currency": "XYZ"},
        {"tiers": default_programme("CNY", "UTC").tiers[1:]},
        {"rulebooks": default_programme("CNY", "UTC").rulebooks * 2},
        {"colour": "red"},
    ],
)
def test_a_document_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    document = default_programme("CNY", "UTC").model_dump() | change

    with pytest.raises(Exception) as refusal:
        Programme.model_validate(document)
    assert (
        isinstance(refusal.value, (ValidationError, LookupError)) or "currency" in str(refusal.value).lower()
    )


def test_every_kind_is_registered_under_its_own_name() -> None:
    for kind, rule in type_of_kind.items():
        assert rule.model_fields["kind"].default == kind
