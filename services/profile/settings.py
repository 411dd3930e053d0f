"""Settings of the profile service."""

from pathlib import Path
from typing import Annotated, ClassVar

import phonenumbers
from pydantic import AfterValidator

from shared.settings import ServiceSettings


def _known_region(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(
            f"{code!r} is not an ISO 3166-1 code of a region with phone numbers, such as CN or US"
        )
    return code


class Settings(ServiceSettings):
    """The settings of profile, besides those that all services share."""

    service: ClassVar[str] = "profile"
    port_offset: ClassVar[int] = 1

    profile_database_url: str = ""
    """URL of profile's own database; empty: a SQLite file under `home`."""
    profile_database_url_file: Path | None = None
    """File that holds `profile_database_url`."""
    phone_region: Annotated[str, AfterValidator(_known_region)] = "CN"
    """Where a phone number without a country code is dialled (ISO 3166-1)."""
