"""The life of points: every mode of pending and of expiry, in the zone of the programme."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from services.loyalty.earning.domain import checks
from services.loyalty.earning.domain.document import RulebookDocument
from services.loyalty.earning.domain.lives import life
from services.loyalty.earning.domain.rules import PointsPerAmount
from services.loyalty.ledger.domain.calendar import CalendarPeriod
from services.loyalty.ledger.domain.programme import Expiry

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = datetime.fromisoformat("2026-03-05T10:00+08:00")
YEAR = Expiry(months=12, until_end_of=CalendarPeriod.YEAR)


def rule(**terms: object) -> PointsPerAmount:
    fields = {"code": "base", "rates": {"CNY": 1}, **terms}
    return PointsPerAmount.model_validate(fields, strict=False)


@pytest.mark.parametrize(
    ("terms", "expiry", "available", "expires"),
    [
        ({}, None, None, None),
        ({}, YEAR, None, "2028-01-01T00:00+08:00"),
        ({"never_expires": True}, YEAR, None, None),
        ({"expires_after_months": 6}, YEAR, None, "2026-09-05T10:00+08:00"),
        (
            {"expires_after_months": 6, "expires_until_end_of": "day"},
            None,
            None,
            "2026-09-06T00:00+08:00",
        ),
        ({"expires_until_end_of": "quarter"}, None, None, "2026-04-01T00:00+08:00"),
        ({"available_after_days": 14}, None, "2026-03-19T10:00+08:00", None),
        ({"available_from": "2026-06-18T00:00+08:00"}, None, "2026-06-18T00:00+08:00", None),
        ({"available_from": "2026-03-01T00:00+08:00"}, None, None, None),
        (
            {"available_from": "2026-03-10T00:00+08:00", "available_after_days": 14},
            None,
            "2026-03-19T10:00+08:00",
            None,
        ),
        (  # it would expire before it can be spent: its life begins then
            {"available_from": "2026-06-18T00:00+08:00", "expires_until_end_of": "month"},
            None,
            "2026-06-18T00:00+08:00",
            "2026-07-01T00:00+08:00",
        ),
        (
            {"available_after_days": 60, "expires_after_months": 1},
            None,
            "2026-05-04T10:00+08:00",
            "2026-06-04T10:00+08:00",
        ),
    ],
)
def test_points_have_the_life_that_their_rule_or_the_programme_says(
    terms: dict[str, object], expiry: Expiry | None, available: str | None, expires: str | None
) -> None:
    found = life(rule(**terms), AT, SHANGHAI, expiry)

    assert found.available_at == (None if available is None else datetime.fromisoformat(available))
    assert found.expires_at == (None if expires is None else datetime.fromisoformat(expires))
    assert not found.slides


def test_points_that_can_be_spent_from_the_end_of_a_month_live_until_the_end_of_the_next() -> None:
    terms = rule(available_from="2026-07-01T00:00+08:00", expires_until_end_of="month")

    assert life(terms, AT, SHANGHAI, None).expires_at == datetime.fromisoformat("2026-08-01T00:00+08:00")


def test_only_points_slide_whose_rule_says_nothing() -> None:
    slides = Expiry(months=12, slides=True)

    assert life(rule(), AT, SHANGHAI, slides) == (
        None,
        datetime.fromisoformat("2027-03-06T00:00+08:00"),
        True,
    )
    assert not life(rule(expires_after_months=1), AT, SHANGHAI, slides).slides
    assert not life(rule(never_expires=True), AT, SHANGHAI, slides).slides


def test_points_cannot_live_for_ever_and_expire() -> None:
    document = RulebookDocument(rules=(rule(never_expires=True, expires_after_months=1),))

    assert [fault.place for fault in checks.faults(document)] == [("rules", 0, "never_expires")]
