"""The rulebooks and the rule of a new installation."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.loyalty.earning.domain import compiling, earning
from services.loyalty.earning.domain.document import RulebookDocument, canonical, default_document
from services.loyalty.earning.domain.earning import Decision, Outcome
from services.loyalty.earning.domain.rulebook import Rulebooks, Version
from services.loyalty.earning.domain.rules import type_of_kind
from services.loyalty.ledger.domain.documents import hash_of
from services.loyalty.purchases.domain.facts import Line, Purchase

START = datetime(2026, 1, 1, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def buy(amount_minor: int, currency: str) -> Purchase:
    return Purchase("pur", "cus", "cus", "s", "o", START, currency, amount_minor, (Line(1, amount_minor),))


def decide(ours: str, amount_minor: int, currency: str) -> Decision[Purchase]:
    """Return what the rules of a new installation with a currency of ours want for a purchase."""
    book = compiling.compiled(default_document(ours))
    return earning.decide(1, book, buy(amount_minor, currency), None, UTC_ZONE)


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
    decision = decide(currency, amount_minor, currency)

    assert sum(claim.grant.points for claim in decision.claims) == points
    assert decision.outcome is outcome


def test_a_currency_without_a_rate_earns_nothing_and_says_why() -> None:
    assert decide("CNY", 5_000, "USD").outcome is Outcome.NO_RATE


def test_the_rulebook_in_force_is_that_of_the_instant() -> None:
    rulebooks = Rulebooks([version(1, None), version(2, START)])

    assert rulebooks.at(START - timedelta(microseconds=1)).version == 1
    assert rulebooks.at(START).version == 2


def test_a_withdrawn_rulebook_never_comes_into_force() -> None:
    rulebooks = Rulebooks([version(1, None), version(2, START, withdrawn=True), version(3, START)])

    assert rulebooks.at(START).version == 3


def test_stored_rulebooks_are_read_back_as_they_were() -> None:
    document = default_document("USD")

    assert RulebookDocument.model_validate_json(canonical(document)) == document


def test_two_spellings_of_a_document_have_one_hash() -> None:
    document = default_document("CNY")
    spelled = RulebookDocument.model_validate_json(
        '{"groups": [], "rules": [{"rates": {"CNY": 1}, "kind": "points_per_amount", "code": "base", "when": null}]}'
    )

    assert hash_of(canonical(spelled)) == hash_of(canonical(document))


@pytest.mark.parametrize(
    "versions",
    [
        [(1, None), (1, None)],
        [(1, START)],
        [(1, None), (2, START), (3, START)],
        [(1, None), (3, START), (2, START + timedelta(days=1))],
    ],
)
def test_rulebooks_that_make_no_sense_are_refused(versions: list[tuple[int, datetime | None]]) -> None:
    with pytest.raises(ValueError, match=r"first rulebook|follow each other"):
        Rulebooks([version(number, begins) for number, begins in versions])


def test_every_kind_is_registered_under_its_own_name() -> None:
    for kind, rule in type_of_kind.items():
        assert rule.model_fields["kind"].default == kind


def version(number: int, begins: datetime | None, *, withdrawn: bool = False) -> Version:
    return Version(number, begins, bytes([number]), START if withdrawn else None)
