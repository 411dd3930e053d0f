"""Settings of the scoring service."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of scoring beyond those that all services share."""

    service: ClassVar[str] = "scoring"
    port_offset: ClassVar[int] = 4

    scoring_database_url: str = ""
    """URL of scoring's own database; empty: a SQLite file under `home`."""
    scoring_database_url_file: Path | None = None
    """File that holds `scoring_database_url`."""
    sweep_per_second: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    """Customers a second whose labels are looked at again after new cut points were published."""
