"""Windows of time: days match as RFC 5545 says, two complementary windows cover a year once, and the page's examples are right."""

from __future__ import annotations

import json
import random
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr

from services.loyalty.earning.domain import checks, compiling, earning, recurrence, windows
from services.loyalty.earning.domain.document import RulebookDocument
from services.loyalty.earning.domain.windows import During
from services.loyalty.purchases.domain.facts import Line, Purchase
from tests.conftest import SEED
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.parts.sampling import limit

PAGE = (Path(__file__).parents[4] / "docs" / "rules" / "earning.md").read_text()
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
RULES = limit(150, 3_000)
DAY = timedelta(days=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def random_rrule(rng: random.Random) -> str:
    """Return a recurrence rule with any parts that fit together."""
    frequency = rng.choice(("DAILY", "WEEKLY", "MONTHLY", "YEARLY"))
    parts = [f"FREQ={frequency}"]
    if rng.random() < 0.5:
        parts.append(f"INTERVAL={rng.randint(1, 5)}")
    if rng.random() < 0.5:
        with_ordinals = frequency == "MONTHLY" and rng.random() < 0.6
        ordinals = ("1", "2", "+3", "5", "-1", "-2") if with_ordinals else ("",)
        parts.append(
            "BYDAY=" + ",".join(rng.choice(ordinals) + day for day in rng.sample(WEEKDAYS, rng.randint(1, 3)))
        )
    if frequency != "WEEKLY" and rng.random() < 0.4:
        days = rng.sample((1, 2, 8, 15, 28, 29, 30, 31, -1, -2, -31), rng.randint(1, 3))
        parts.append("BYMONTHDAY=" + ",".join(map(str, days)))
    if rng.random() < 0.3:
        parts.append("BYMONTH=" + ",".join(map(str, rng.sample(range(1, 13), rng.randint(1, 4)))))
    if rng.random() < 0.3:
        parts.append(f"UNTIL={date(2025, 1, 1) + rng.randint(0, 900) * DAY:%Y%m%d}")
    return ";".join(parts)


def window(text: str) -> During:
    return During.model_validate_json(text)


def test_a_day_matches_as_another_implementation_of_rfc_5545_says() -> None:
    rng = random.Random(SEED)
    for _ in range(RULES):
        text, first = random_rrule(rng), date(2023, 1, 1) + rng.randint(0, 1_000) * DAY
        last = first + 1_500 * DAY
        expected = rrulestr(text, dtstart=datetime.combine(first, datetime.min.time())).between(
            datetime.combine(first, datetime.min.time()),
            datetime.combine(last, datetime.min.time()),
            inc=True,
        )
        read = recurrence.read(text)
        assert read is not None, text
        rule = read.from_day(first)
        days = [day for number in range(-3, 1_501) if rule.has(day := first + number * DAY, first)]

        assert days == [day.date() for day in expected], (text, first)


@pytest.mark.parametrize(
    "text",
    [
        "", "FREQ=HOURLY", "FREQ=daily", "BYDAY=MO", "FREQ=WEEKLY;BYDAY=1MO", "FREQ=YEARLY;BYDAY=1MO", "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=MONTHLY;BYDAY=0MO", "FREQ=DAILY;COUNT=3", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=367",
        "FREQ=DAILY;INTERVAL=+1", "FREQ=MONTHLY;BYMONTHDAY=0", "FREQ=MONTHLY;BYMONTHDAY=32", "FREQ=YEARLY;BYMONTH=13", "FREQ=YEARLY;BYMONTH=-1",
        "FREQ=WEEKLY;BYMONTHDAY=1", "FREQ=DAILY;UNTIL=20260230", "FREQ=DAILY;UNTIL=20260101T000000Z", "FREQ=DAILY;", "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;BYDAY=", "FREQ=DAILY;UNTIL=99991231",
    ],
)  # fmt: skip
def test_what_is_no_rule_of_these_parts_is_not_read(text: str) -> None:
    assert recurrence.read(text) is None


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo", "Asia/Shanghai"]
)  # fmt: skip
def test_two_windows_that_follow_each_other_cover_each_instant_of_a_year_once(zone: str) -> None:
    rng = random.Random(SEED)
    clocks = [f"{rng.randrange(24):02}:{rng.choice((0, 30)):02}" for _ in range(2)]
    if clocks[0] == clocks[1]:
        clocks = ["00:00", "02:30"]
    pair = [
        During(
            op="during",
            rrule="FREQ=DAILY",
            dtstart=date(2025, 1, 1),
            from_time=begins,
            to_time=ends,
            zone=zone,
        )
        for begins, ends in (clocks, clocks[::-1])
    ]
    instant, year_ends = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    while instant < year_ends:
        assert sum(windows.contains(part, instant) for part in pair) == 1, (instant, clocks)
        instant += timedelta(minutes=limit(90, 15))


def test_weekdays_with_a_number_and_without_one_are_added_up() -> None:
    """The other implementation lets days pass that are both, which RFC 5545 does not say."""
    rule = recurrence.read("FREQ=MONTHLY;BYDAY=TU,1FR")
    assert rule is not None
    days = [day for number in range(14) if rule.has(day := date(2026, 3, 1) + number * DAY, date(2026, 3, 1))]

    assert days == [date(2026, 3, 3), date(2026, 3, 6), date(2026, 3, 10)]


def test_a_window_changes_next_where_it_opens_or_closes() -> None:
    night = window(
        '{"op": "during", "rrule": "FREQ=DAILY", "dtstart": "2026-03-01", "from_time": "22:00", "to_time": "02:00", "zone": "Asia/Shanghai"}'
    )
    evening = datetime(2026, 3, 5, 20, tzinfo=SHANGHAI)
    opens, closes = evening.replace(hour=22), evening.replace(day=6, hour=2)

    assert windows.next_change(night, evening) == opens
    assert windows.next_change(night, opens) == closes
    assert [windows.contains(night, at) for at in (evening, opens, closes)] == [False, True, False]


def of_page() -> dict[str, Json]:
    """Return the windows of the page by what it says of them."""
    found = re.findall(r'^\| `(\{"op": "during".*\})` \| (.*) · .* \|$', PAGE, re.MULTILINE)
    return {said: json.loads(text) for text, said in found}


@pytest.mark.parametrize(
    ("said", "inside", "outside"),
    [
        ("weekends", "2026-03-07T00:00", "2026-03-09T00:00"),
        ("every night from 22:00 to 02:00", "2026-03-02T01:59", "2026-03-02T02:00"),
        ("the last Friday of a month", "2026-03-27T12:00", "2026-03-20T12:00"),
        ("member days: the 8th, 18th and 28th", "2026-03-18T23:59", "2026-03-19T00:00"),
        ("11 November, until 2028", "2028-11-11T12:00", "2029-11-11T12:00"),
    ],
)
def test_a_window_of_the_page_is_open_when_the_page_says(said: str, inside: str, outside: str) -> None:
    read = During.model_validate_json(json.dumps(of_page()[said]))
    at = [datetime.fromisoformat(wall).replace(tzinfo=SHANGHAI) for wall in (inside, outside)]

    assert [windows.contains(read, instant) for instant in at] == [True, False]


def test_the_example_of_double_points_at_night_is_right() -> None:
    night = of_page()["every night from 22:00 to 02:00"]
    rules = [
        {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}},
        {"code": "double", "kind": "multiplier", "of": "base", "percent": 200, "when": night},
    ]
    document = RulebookDocument.model_validate_json(json.dumps({"rules": rules}))
    book = compiling.compiled(document)
    earned = []
    for clock in ("01:59", "02:00"):
        at = datetime.fromisoformat(f"2026-03-05T{clock}").replace(tzinfo=SHANGHAI)
        lines = (Line(1, 8_000, "TEA"),)
        bought = Purchase("order", "i", "c", "web", "order", at.astimezone(UTC), "CNY", 8_000, lines)
        decision = earning.decide(1, book, bought, None, SHANGHAI)
        earned.append(sum(claim.grant.points for claim in decision.claims))

    assert checks.faults(document) == []
    assert earned == [160, 80]
    assert "at 01:59 in Shanghai earns 160 points, at 02:00 it earns 80" in PAGE
    assert "01:59 的 80.00 订单得 160 积分，02:00 的得 80" in PAGE
