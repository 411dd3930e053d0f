"""Settings of the loyalty service."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from shared.settings import ServiceSettings

Points = Annotated[int, Field(ge=0, le=1_000_000_000_000)]


class Settings(ServiceSettings):
    """Everything this service can be told from outside."""

    service: ClassVar[str] = "loyalty"
    port_offset: ClassVar[int] = 2

    loyalty_database_url: str = ""
    """URL of loyalty's own database; empty: a SQLite file under `home`."""
    loyalty_database_url_file: Path | None = None
    """File that holds `loyalty_database_url`."""
    adjustment_manager_day_max: Points = 100_000
    """Points that a manager may add or take away by hand on one day in the shop's time zone, all adjustments added up. What goes
    above it waits for another operator's approval."""
    adjustment_admin_day_max: Points = 500_000
    """Points that an admin may add or take away by hand on one day in the shop's time zone, all adjustments added up. What goes
    above it waits for another operator's approval."""
