"""The settings of the command itself: the home folder and the addresses of the product."""

from typing import ClassVar

from shared.settings import ServiceSettings

SERVICES = ("profile", "loyalty", "feedback", "scoring")
PORT_OFFSETS = {"console": 0, "profile": 1, "loyalty": 2, "feedback": 3, "scoring": 4}


class Settings(ServiceSettings):
    """The settings that all services share, read for the command."""

    service: ClassVar[str] = "huitou"
    port_offset: ClassVar[int] = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the console and the services, in the order of their ports."""
        return tuple(PORT_OFFSETS)

    def port_of(self, name: str) -> int:
        """Return the port of a service of this installation."""
        return self.port_base + PORT_OFFSETS[name]

    def address(self, name: str) -> str:
        """Return the address of a service for callers on this machine, such as http://127.0.0.1:8001."""
        host = "127.0.0.1" if self.host in ("", "0.0.0.0", "::") else self.host  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port_of(name)}"
