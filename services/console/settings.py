"""Settings of the console."""

from typing import ClassVar

from shared.settings import ServiceSettings

PORT_OFFSETS = {"profile": 1, "loyalty": 2, "feedback": 3, "scoring": 4}


class Settings(ServiceSettings):
    """The settings of the console: the addresses of the services."""

    service: ClassVar[str] = "console"
    port_offset: ClassVar[int] = 0

    profile_url: str = ""
    """Where the console asks profile how it is; empty: `host` at `port_base` + 1."""
    loyalty_url: str = ""
    """Where the console asks loyalty how it is; empty: `host` at `port_base` + 2."""
    feedback_url: str = ""
    """Where the console asks feedback how it is; empty: `host` at `port_base` + 3."""
    scoring_url: str = ""
    """Where the console asks scoring how it is; empty: `host` at `port_base` + 4."""

    @property
    def ports(self) -> dict[str, int]:
        """The ports of the four services, by name."""
        return {name: self.port_base + offset for name, offset in PORT_OFFSETS.items()}

    @property
    def addresses(self) -> dict[str, str]:
        """The four services by name, each with the address that the console asks."""
        named = {
            "profile": self.profile_url,
            "loyalty": self.loyalty_url,
            "feedback": self.feedback_url,
            "scoring": self.scoring_url,
        }
        return {
            name: (url or f"http://{self.host}:{self.ports[name]}").rstrip("/") for name, url in named.items()
        }
