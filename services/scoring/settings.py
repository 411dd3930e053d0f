"""Settings of the scoring service."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of scoring beyond those that all services share."""

    service: ClassVar[str] = "scoring"
    port_offset: ClassVar[int] = 4

    scoring_database_url: str = ""
    """URL of scoring's own database; empty: a SQLite file under `home`."""
    sweep_per_second: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    """Customers a second whose labels are looked at again after new cut points were published."""

    @property
    def database(self) -> str:
        """The URL of the service's own database."""
        return self.scoring_database_url or f"sqlite:///{self.home / 'scoring.db'}"
