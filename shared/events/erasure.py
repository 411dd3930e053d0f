"""The answer that every service gives to an erasure; each publishes it under its own name and topic."""

from typing import Annotated

from pydantic import Field

from shared.events.base import HOLDS_MAX, WIPED_MAX, Code, Count, ErasureId, Event, Part


class Wiped(Part):
    """How many rows of one sort were wiped."""

    kind: Code
    """Word for the sort of rows."""
    count: Count
    """How many of them."""


class ErasureAnswered(Event):
    """A service has wiped what it kept of an identity, and says how much."""

    erasure_id: ErasureId
    """The erasure that asked."""
    wiped: Annotated[tuple[Wiped, ...], Field(max_length=WIPED_MAX)] = ()
    """What was wiped, by sort."""
    holds: Annotated[tuple[Code, ...], Field(max_length=HOLDS_MAX)] = ()
    """Codes of the legal holds under which something was kept."""
