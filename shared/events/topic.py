"""A topic of the bus: its producer, its consumers, its partitions and how long it keeps records."""

from dataclasses import dataclass

PARTITIONS = 12
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. A family module declares it as a value, and each event of the family names its topic.

    Records are keyed by identity_id, so the facts of one identity stay in order. Records hold no personal data, and
    scoring is rebuilt from them, so a topic keeps its records for ever unless `retention_days` is given.
    """

    name: str
    about: str
    producer: str
    consumers: tuple[str, ...]
    partitions: int = PARTITIONS
    retention_days: int | None = None

    @property
    def retention_ms(self) -> int:
        """The broker's setting `retention.ms`; -1 keeps records for ever."""
        return -1 if self.retention_days is None else self.retention_days * DAY_MS
