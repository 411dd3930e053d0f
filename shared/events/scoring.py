"""Events of the scoring service: statements about a customer."""

from shared.events.base import Code, Event, Instant, Version
from shared.events.erasure import ErasureAnswered
from shared.events.topic import Topic

SCORES = Topic(
    name="huitou.scores",
    about="What can be said about a customer.",
    producer="scoring",
    consumers=("profile", "loyalty", "feedback"),
)


class ScoreUpdated(Event):
    """A customer's label changed; a statement about now, so identity_id is the customer and occurred_at is as_of."""

    type = "scoring.score_updated.v1"
    topic = SCORES

    kind: Code
    """Which score: rfm …"""
    label: Code | None = None
    """The label now; none if there is nothing left to judge."""
    previous: Code | None = None
    """The label before; none if it is the first."""
    label_sequence: Version
    """Grows with every change of this customer's label of this kind."""
    model_version: Version
    """Version of the model that judged; 0 is the shipped one."""
    as_of: Instant
    """The instant the statement is about."""
    valid_until: Instant | None = None
    """When the label changes by time alone; none if it does not."""
    moved_by: Code
    """What moved it: purchase, time, model, ownership. Act on purchase and time only."""


class ScoringErasureDone(ErasureAnswered):
    """Scoring has wiped what it kept of an identity."""

    type = "scoring.erasure_done.v1"
    topic = SCORES


EVENTS: tuple[type[Event], ...] = (
    ScoreUpdated,
    ScoringErasureDone,
)
"""Every event that the scoring service publishes."""
