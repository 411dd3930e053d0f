"""Settings of the profile service."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, ClassVar

import phonenumbers
from pydantic import AfterValidator, Field

from shared.limits import INSTANT_MIN
from shared.local_time import day_start
from shared.settings import ServiceSettings
from shared.speech import words


def _known_region(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(words("shared.settings", "country_unknown", code=code))
    return code


class Settings(ServiceSettings):
    """The settings of profile, besides those that all services share."""

    service: ClassVar[str] = "profile"
    port_offset: ClassVar[int] = 1

    profile_database_url: str = ""
    """URL of profile's own database; empty: a SQLite file under `home`."""
    profile_database_url_file: Path | None = None
    """File that holds `profile_database_url`."""
    purchases_from: Annotated[date, Field(ge=INSTANT_MIN.date())] = date(1990, 1, 1)
    """The first day of purchases and returns in the shop's time zone; what is dated before it is refused."""
    claim_window_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """Days after an anonymous purchase in which customers and partners can claim it; operators can later too."""
    phone_region: Annotated[str, AfterValidator(_known_region)] = "CN"
    """Where a phone number without a country code is dialled (ISO 3166-1)."""

    @property
    def purchases_since(self) -> datetime:
        """The instant at which the day `purchases_from` begins."""
        return day_start(self.purchases_from, self.time_zone)
