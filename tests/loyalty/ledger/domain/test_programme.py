"""The programme document."""

import pytest
from pydantic import ValidationError

from services.loyalty.ledger.domain.programme import Programme, default_programme, parse


def test_a_stored_document_is_read_back_as_it_was() -> None:
    programme = default_programme("USD", "America/New_York")

    assert parse(programme.model_dump_json()) == programme


@pytest.mark.parametrize(
    "change",
    [
        {"zone": "Moon/Base"},
        {"currency": "XYZ"},
        {"tiers": default_programme("CNY", "UTC").tiers[1:]},
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
