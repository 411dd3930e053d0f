"""Settings of the loyalty service."""

from pathlib import Path
from typing import ClassVar

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Everything this service can be told from outside."""

    service: ClassVar[str] = "loyalty"
    port_offset: ClassVar[int] = 2

    loyalty_database_url: str = ""
    """URL of loyalty's own database; empty: a SQLite file under `home`."""
    loyalty_database_url_file: Path | None = None
    """File that holds `loyalty_database_url`."""
