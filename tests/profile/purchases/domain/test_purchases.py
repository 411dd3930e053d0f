"""What makes a purchase the same, and where two tellings differ."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from services.profile.people.domain.customers import NamedCustomer
from services.profile.people.domain.identifiers import GivenIdentifiers
from services.profile.purchases.domain.purchases import (
    Line,
    Purchase,
    content,
    differences,
    must_be_believable,
)
from services.profile.purchases.refusals import InTheFuture, OrderConflict, conflicting

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ANA = NamedCustomer("cus_ana", GivenIdentifiers())
REPORTED = Purchase(
    "web", "1", AT, "CNY", ANA, (Line("TEA", 2, 500), Line("CUP", 1, 900, brand="b")), "app", "s1"
)


def differing(reported: Purchase, recorded: Purchase) -> list[str]:
    """Compare two purchases with their lines."""
    return differences(reported, reported.lines, recorded, recorded.lines)


def test_the_same_purchase_has_the_same_content_whatever_zone_its_time_is_told_in() -> None:
    elsewhere = replace(REPORTED, purchased_at=AT.astimezone(timezone(timedelta(hours=8))))
    assert content(elsewhere) == content(REPORTED)
    assert differing(elsewhere, REPORTED) == []


def test_every_field_that_differs_is_named() -> None:
    other = Purchase("web", "1", AT + timedelta(seconds=1), "USD", ANA, REPORTED.lines, None, "s2")
    assert differing(other, REPORTED) == ["/purchased_at", "/currency", "/channel", "/store"]
    lines = (replace(REPORTED.lines[0], quantity=3), replace(REPORTED.lines[1], brand=None, name="x"))
    assert differing(replace(REPORTED, lines=lines), REPORTED) == [
        "/lines/0/quantity",
        "/lines/1/brand",
        "/lines/1/name",
    ]
    assert differing(replace(REPORTED, lines=REPORTED.lines[:1]), REPORTED) == ["/lines"]


def test_whatever_differs_also_changes_the_content() -> None:
    of_a_line: dict[str, Any] = {
        "sku": "x",
        "quantity": 9,
        "amount_minor": 9,
        "category": "c",
        "brand": "c",
        "name": "c",
    }
    changed = [
        replace(REPORTED, purchased_at=AT + timedelta(microseconds=1)),
        replace(REPORTED, currency="USD"),
        replace(REPORTED, channel=None),
        replace(REPORTED, store=None),
        replace(REPORTED, lines=REPORTED.lines[::-1]),
        *(
            replace(REPORTED, lines=(replace(REPORTED.lines[0], **{field: value}), REPORTED.lines[1]))
            for field, value in of_a_line.items()
        ),
    ]
    assert len({content(purchase) for purchase in [REPORTED, *changed]}) == len(changed) + 1
    assert all(differing(purchase, REPORTED) for purchase in changed)


def test_a_conflict_names_fields_by_word_and_places_by_pointer() -> None:
    refusal = conflicting(OrderConflict, ["/lines/0/quantity", "/lines/1/name", "/currency"])
    assert refusal.extra == {"fields": ["lines", "currency"]}
    assert [error.pointer for error in refusal.errors] == ["/lines/0/quantity", "/lines/1/name", "/currency"]
    assert "lines、currency" in refusal.detail("zh")


def test_clocks_may_differ_by_a_day() -> None:
    must_be_believable(AT + timedelta(hours=24), AT, "/purchased_at")
    with pytest.raises(InTheFuture):
        must_be_believable(AT + timedelta(hours=24, seconds=1), AT, "/purchased_at")
