"""An instant of a request is RFC 3339: only digits of its fraction are cut off, from the seventh on."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.http.models import InstantIn

INSTANT: TypeAdapter[datetime] = TypeAdapter(InstantIn)
SECOND = "2026-11-01T00:00:00"


@given(st.from_regex(r"[0-9]{1,12}", fullmatch=True), st.sampled_from(["Z", "z", "+00:00"]))
def test_a_fraction_is_kept_to_the_microsecond(digits: str, zone: str) -> None:
    kept = int(digits[:6].ljust(6, "0"))
    assert INSTANT.validate_python(f"{SECOND}.{digits}{zone}") == datetime(
        2026, 11, 1, microsecond=kept, tzinfo=UTC
    )


@given(st.from_regex(r"[0-9]{1,12}", fullmatch=True), st.sampled_from(["Z", "+00:00", "-08:00", ""]))
def test_digits_behind_the_seconds_are_no_fraction(digits: str, zone: str) -> None:
    with pytest.raises(ValidationError):
        INSTANT.validate_python(f"{SECOND}{digits}{zone}")


@pytest.mark.parametrize(
    "written",
    [
        *(
            "2026-11-01T00:00:5959Z",
            "2026-11-01T00:00:123Z",
            "2026-11-01T00:00:00.Z",
            "2026-11-01T00:00:00,5Z",
        ),
        *(
            "2026-11-01T00:0000Z",
            "2026-11-01T00:00:00.5.5Z",
            "2026-11-01T00:00Z",
            "2026-11-01T00:00:00.1234567 Z",
        ),
        *(
            "2026-11-0101T00:00:00Z",
            "20266-11-01T00:00:00Z",
            "2026-11-01T000:00:00Z",
            "2026-11-01T00:00:00+010:00",
        ),
    ],
)
def test_what_is_no_instant_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        INSTANT.validate_python(written)
