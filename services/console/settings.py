"""Settings of the console."""

from typing import ClassVar

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The console's settings: where the services are is all it needs to know."""

    service: ClassVar[str] = "console"
    port_offset: ClassVar[int] = 0

    profile_url: str = ""
    """Where the console and its reader find profile; empty: `host` at `port_base` + 1."""
    loyalty_url: str = ""
    """Where the console and its reader find loyalty; empty: `host` at `port_base` + 2."""
    feedback_url: str = ""
    """Where the console and its reader find feedback; empty: `host` at `port_base` + 3."""
    scoring_url: str = ""
    """Where the console and its reader find scoring; empty: `host` at `port_base` + 4."""

    @property
    def addresses(self) -> dict[str, str]:
        """The four services by name, each with the address it answers at."""
        named = {
            "profile": self.profile_url,
            "loyalty": self.loyalty_url,
            "feedback": self.feedback_url,
            "scoring": self.scoring_url,
        }
        return {
            name: (url or f"http://{self.host}:{self.port_base + offset}").rstrip("/")
            for offset, (name, url) in enumerate(named.items(), start=1)
        }
