"""From HUITOU_BUS_URL to a bus."""

from pathlib import Path

from shared.bus.protocol import Bus


def open_bus(url: str, *, home: Path) -> Bus:
    """The bus of `embedded://` (its log is `<home>/log.db`) or `kafka://host:port,…`; nothing is contacted yet.

    Raises ValueError, in words for the person who set it, when the URL is neither.
    """
    scheme, separator, servers = url.partition("://")
    if scheme == "embedded" and separator and not servers.strip("/"):
        from shared.bus.embedded import EmbeddedBus

        return EmbeddedBus(home / "log.db")
    if scheme == "kafka" and servers.strip("/, "):
        from shared.bus.kafka import KafkaBus  # a shop without Kafka need not load its client

        return KafkaBus([server.strip() for server in servers.strip("/").split(",") if server.strip()])
    raise ValueError(f"HUITOU_BUS_URL is {url!r}; it must be embedded:// or kafka://host:port,host:port")
