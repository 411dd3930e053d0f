"""From HUITOU_BUS_URL to a bus."""

from pathlib import Path

from shared.bus.protocol import Bus


def open_bus(url: str, *, home: Path) -> Bus:
    """The bus of `embedded://` (its log is `<home>/log.db`) or `kafka://host:port,…`; nothing is contacted yet.

    Raises ValueError, in words for the person who set it, when the URL is neither.
    """
    servers = servers_of(url)
    if not servers:
        from shared.bus.embedded import EmbeddedBus

        return EmbeddedBus(home / "log.db")
    from shared.bus.kafka import KafkaBus  # a shop without Kafka need not load its client

    return KafkaBus(servers)


def servers_of(url: str) -> list[str]:
    """The servers of Kafka that a URL names; none: the embedded log. Raises ValueError when it is neither."""
    scheme, separator, servers = url.partition("://")
    if scheme == "embedded" and separator and not servers.strip("/"):
        return []
    if scheme == "kafka" and servers.strip("/, "):
        return [server.strip() for server in servers.strip("/").split(",") if server.strip()]
    raise ValueError(f"HUITOU_BUS_URL is {url!r}; it must be embedded:// or kafka://host:port,host:port")
