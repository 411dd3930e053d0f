"""Settings of the loyalty service."""

from typing import ClassVar

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Everything this service can be told from outside."""

    service: ClassVar[str] = "loyalty"
    port_offset: ClassVar[int] = 2

    loyalty_database_url: str = ""
    """HUITOU_LOYALTY_DATABASE_URL; empty: `loyalty.db` under `home`."""

    @property
    def database(self) -> str:
        """The URL of the service's own database."""
        return self.loyalty_database_url or f"sqlite:///{self.home / 'loyalty.db'}"
