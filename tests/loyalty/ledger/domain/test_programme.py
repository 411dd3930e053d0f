"""The programme: its documents, and which of its versions is in force."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.loyalty.ledger.domain.calendar import CalendarPeriod
from services.loyalty.ledger.domain.programme import (
    Expiry,
    PointsWorth,
    Programme,
    ProgrammeDocument,
    ProgrammeVersion,
    canonical,
    default_document,
    parse_document,
)
from services.loyalty.programme.api.documents import read_programme_document
from services.loyalty.programme.refusals import ProgrammeInvalid

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_a_stored_document_is_read_back_as_it_was() -> None:
    document = default_document("USD", "America/New_York")

    assert parse_document(document.model_dump_json()) == document
    assert parse_document(canonical(document)) == document


@pytest.mark.parametrize(
    "change",
    [
        {"zone": "Moon/Base"},
        {"currency": "XYZ"},
        {"tiers": [tier.model_dump() for tier in default_document("CNY", "UTC").tiers[1:]]},
        {"colour": "red"},
    ],
)
def test_a_document_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    document = default_document("CNY", "UTC").model_dump(mode="json", exclude_none=True) | change

    with pytest.raises(ProgrammeInvalid):
        read_programme_document(document)


def versions(*begins: datetime | None) -> list[ProgrammeVersion]:
    document: ProgrammeDocument = default_document("CNY", "UTC")
    return [ProgrammeVersion(number, begin, document) for number, begin in enumerate(begins, 1)]


def test_a_version_is_in_force_from_its_instant_until_the_next() -> None:
    programme = Programme("default", versions(None, START, START + DAY))

    moments = (START - DAY, START - timedelta(microseconds=1), START, START + DAY, START + 9 * DAY)
    assert [programme.version_at(moment).version for moment in moments] == [1, 1, 2, 3, 3]
    assert [version.version for version in programme.begun(START - DAY, START)] == [2]
    assert [version.version for version in programme.begun(START, START + DAY)] == [3]
    assert [version.version for version in programme.later(START)] == [3]


@pytest.mark.parametrize(
    "begins", [(), (START,), (None, None), (None, START, START), (None, START + DAY, START)]
)
def test_versions_follow_each_other_in_time(begins: tuple[datetime | None, ...]) -> None:
    with pytest.raises(ValueError, match="version"):
        Programme("default", versions(*begins))


@pytest.mark.parametrize(
    ("months", "until_end_of", "earned", "expires"),
    [
        (12, None, "2024-02-29T10:00+08:00", "2025-03-01T00:00+08:00"),
        (0, "month", "2026-01-31T23:59+08:00", "2026-02-01T00:00+08:00"),
        (0, "year", "2026-01-01T00:00+08:00", "2026-01-01T00:00+08:00"),
        (12, "year", "2026-03-05T10:00+08:00", "2028-01-01T00:00+08:00"),
        (3, "quarter", "2026-12-31T23:00+08:00", "2027-04-01T00:00+08:00"),
        (1, "quarter", "2026-03-01T00:00+08:00", "2026-04-01T00:00+08:00"),
    ],
)
def test_points_expire_after_months_or_at_the_end_of_a_period_then(
    months: int, until_end_of: CalendarPeriod | None, earned: str, expires: str
) -> None:
    period = None if until_end_of is None else CalendarPeriod(until_end_of)

    found = Expiry(months=months, until_end_of=period).after(datetime.fromisoformat(earned), SHANGHAI)

    assert found == datetime.fromisoformat(expires)


def test_points_are_worth_whole_minor_units() -> None:
    value = PointsWorth(points=100, amount_minor=3)

    assert [value.of(points) for points in (-5, 0, 33, 34, 1_000)] == [0, 0, 0, 1, 30]
