"""The topics, read from `topics.yaml`: who writes, who reads, how many partitions, how long records stay."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

FILE = Path(__file__).with_name("topics.yaml")
PARTITIONS_MAX = 1_000


class Topic(BaseModel):
    """One topic of the bus."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^huitou\.[a-z_.]+$", max_length=100)]
    about: Annotated[str, Field(min_length=1)]
    producer: str
    consumers: tuple[str, ...]
    partitions: Annotated[int, Field(ge=1, le=PARTITIONS_MAX)]
    retention_days: Annotated[int, Field(ge=1)] | None
    events: Annotated[tuple[str, ...], Field(min_length=1)]

    @property
    def retention_ms(self) -> int:
        """The broker's `retention.ms`: -1 is for ever."""
        return -1 if self.retention_days is None else self.retention_days * 86_400_000


@cache
def load() -> Mapping[str, Topic]:
    """All topics by name, in the order of the file."""
    entries = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return MappingProxyType({name: Topic(name=name, **entry) for name, entry in entries.items()})


def of_events(types: frozenset[str]) -> tuple[Topic, ...]:
    """The topics that carry any of these event types, in the order of the file."""
    return tuple(topic for topic in load().values() if types.intersection(topic.events))
