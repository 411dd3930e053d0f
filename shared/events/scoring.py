"""Events of the scoring service: what its models say about a customer."""

from shared.events.base import Code, Event, IdentityEvent, Instant, Version
from shared.events.erasure import ErasureAnswered
from shared.events.topic import Topic

SCORES = Topic(
    name="huitou.scores",
    about="What the models say about a customer.",
    producer="scoring",
    consumers=("profile", "loyalty", "feedback"),
)


class ScoreUpdated(IdentityEvent):
    """A customer's label changed. It describes the customer as a whole: identity_id is the customer, occurred_at is as_of."""

    type = "scoring.score_updated.v1"
    topic = SCORES

    kind: Code
    """Code of the score, such as rfm."""
    label: Code | None = None
    """The label now. It is absent if no facts are left to judge the customer by."""
    previous: Code | None = None
    """The label before. It is absent if this is the customer's first label."""
    label_sequence: Version
    """A number that grows with every change of this customer's label of this kind."""
    model_version: Version
    """Version of the model that gave the label. Version 0 is the model that ships with the product."""
    as_of: Instant
    """The instant at which the label is valid."""
    valid_until: Instant | None = None
    """When the label will change without new facts. It is absent if time alone does not change it."""
    moved_by: Code
    """Why the label changed: purchase, time, model or ownership. Act only on purchase and time."""


class ScoringErasureDone(ErasureAnswered):
    """Scoring has wiped what it stored about an identity."""

    type = "scoring.erasure_done.v1"
    topic = SCORES


EVENTS: tuple[type[Event], ...] = (
    ScoreUpdated,
    ScoringErasureDone,
)
"""Every event that the scoring service publishes."""
