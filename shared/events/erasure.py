"""The answer of a service to an erasure. Each service publishes it under its own event type and topic."""

from typing import Annotated

from pydantic import Field

from shared.events.base import HOLDS_MAX, WIPED_MAX, Code, Count, ErasureId, IdentityEvent, Part


class Wiped(Part):
    """The number of rows of one kind that were wiped."""

    kind: Code
    """Kind of the rows."""
    count: Count
    """Number of wiped rows of this kind."""


class ErasureAnswered(IdentityEvent):
    """A service has wiped what it stored about an identity, and reports how much."""

    erasure_id: ErasureId
    """The erasure that this event answers."""
    wiped: Annotated[tuple[Wiped, ...], Field(max_length=WIPED_MAX)] = ()
    """The number of wiped rows by kind."""
    holds: Annotated[tuple[Code, ...], Field(max_length=HOLDS_MAX)] = ()
    """Codes of the legal holds because of which some rows were not wiped."""
