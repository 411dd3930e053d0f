"""What the command itself needs to know: where the product lives and listens."""

from typing import ClassVar

from shared.settings import ServiceSettings

SERVICES = ("profile", "loyalty", "feedback", "scoring")
PORT_OFFSETS = {"console": 0, "profile": 1, "loyalty": 2, "feedback": 3, "scoring": 4}


class Settings(ServiceSettings):
    """The settings that all services share, read for the command."""

    service: ClassVar[str] = "huitou"
    port_offset: ClassVar[int] = 0

    def address(self, service: str) -> str:
        """Where a service of this installation answers, such as http://127.0.0.1:8001."""
        return f"http://{self.host}:{self.port_base + PORT_OFFSETS[service]}"
