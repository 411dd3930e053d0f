"""Open the bus that HUITOU_BUS_URL names."""

import re
from pathlib import Path

from shared.bus.access import PLAINTEXT, Access
from shared.bus.protocol import Bus
from shared.speech import words


def open_bus(url: str, *, home: Path, access: Access = PLAINTEXT) -> Bus:
    """Return the bus of `embedded://` (its log is `<home>/log.db`) or `kafka://host:port,…`, without contacting it.

    Raises ValueError if the URL is neither, with a sentence for the person who set it, and UnusableAccess.
    """
    servers = servers_of(url)
    if not servers:
        from shared.bus.embedded import EmbeddedBus

        return EmbeddedBus(home / "log.db")
    from shared.bus.kafka import KafkaBus  # a shop without Kafka need not load its client

    return KafkaBus(servers, access=access)


def servers_of(url: str) -> list[str]:
    """Return the Kafka servers that a URL names, or none for the embedded log.

    Raises ValueError for another URL. Its sentence does not quote the URL, in which there may be a password.
    """
    scheme, separator, servers = url.partition("://")
    if "@" in url:
        raise ValueError(words(__name__, "bus_url_user"))
    if scheme == "embedded" and separator and not servers.strip("/"):
        return []
    if scheme == "kafka" and servers.strip("/, "):
        named = [server.strip() for server in servers.strip("/").split(",") if server.strip()]
        if all(_SERVER.fullmatch(server) for server in named):
            return named
    raise ValueError(words(__name__, "bus_url_wrong"))


_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+(%[\w.-]+)?\]|[\w.-]+)(:[0-9]{1,5})?|[0-9A-Fa-f:]+")
"""A name or an address, with or without a port."""
