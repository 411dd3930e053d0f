"""Events of the feedback service: complaints, their clocks, and what was given to make good."""

from shared.events.base import (
    Code,
    ComplaintId,
    Count,
    Cycle,
    Event,
    Instant,
    Ordinal,
    PurchaseId,
    RemedyId,
    Slug,
    TransactionId,
    Version,
)
from shared.events.erasure import ErasureAnswered
from shared.events.topic import Topic

FEEDBACK = Topic(
    name="huitou.feedback",
    about="Complaints, their clocks, and what was given to make good.",
    producer="feedback",
    consumers=("profile", "loyalty", "scoring"),
)


class _ComplaintChanged(Event):
    """What all events about a complaint's course have in common."""

    complaint_id: ComplaintId
    """The complaint."""
    cycle: Cycle
    """Which run of the promise: 1, and one more with every reopening."""
    status: Code
    """The complaint's status now."""


class ComplaintOpened(_ComplaintChanged):
    """A customer complained."""

    type = "feedback.complaint_opened.v1"
    topic = FEEDBACK

    channel: Code
    """The channel it came through."""
    opened_by: Code
    """Who wrote it down: customer, agent, partner, system."""
    contact_at: Instant
    """When the customer made contact; the clocks start here."""
    received_at: Instant
    """When the complaint reached us."""
    priority: Code
    """Code of its priority."""
    problem_type: Code | None = None
    """Code of the sort of problem, if known."""
    purchase_id: PurchaseId | None = None
    """The purchase it is about, if known; the reference as the customer typed it stays at home."""


class ComplaintAnswered(_ComplaintChanged):
    """A person answered the complaint in this cycle."""

    type = "feedback.complaint_answered.v1"
    topic = FEEDBACK


class ComplaintResolved(_ComplaintChanged):
    """The complaint's resolution promise of this cycle was fulfilled."""

    type = "feedback.complaint_resolved.v1"
    topic = FEEDBACK


class ComplaintClosed(_ComplaintChanged):
    """The complaint was closed."""

    type = "feedback.complaint_closed.v1"
    topic = FEEDBACK

    outcome: Code
    """How it ended: satisfied, not_satisfied, won_back, unreachable, withdrawn, rejected, duplicate."""


class ComplaintReopened(_ComplaintChanged):
    """A closed complaint was opened again: a new cycle with clocks of its own."""

    type = "feedback.complaint_reopened.v1"
    topic = FEEDBACK


class _ClockTold(Event):
    """What all events of an SLA clock have in common; a clock is (complaint, metric, cycle, ordinal)."""

    complaint_id: ComplaintId
    """The complaint whose clock it is."""
    metric: Code
    """What is promised: first_response, next_response, resolution, follow_up."""
    cycle: Cycle
    """Which run of the promise."""
    ordinal: Ordinal
    """Which exchange within the cycle."""
    policy_id: Slug
    """The policy that set the target."""
    policy_version: Version
    """Version of that policy."""
    calendar_id: Slug
    """The calendar that the working time was counted by."""
    calendar_version: Version
    """Version of that calendar."""
    due_at: Instant
    """When the promise is due."""
    detected_at: Instant
    """When the service noticed; after downtime later than it occurred."""


class SlaWarned(_ClockTold):
    """A promise is close to its due time."""

    type = "feedback.sla_warned.v1"
    topic = FEEDBACK

    level: Ordinal
    """Which warning of the policy."""


class SlaBreached(_ClockTold):
    """A promise was not kept; it occurred at the due time. Told once a clock."""

    type = "feedback.sla_breached.v1"
    topic = FEEDBACK


class SlaBreachWithdrawn(_ClockTold):
    """A reply in time came to light after the breach was told; the breach is void."""

    type = "feedback.sla_breach_withdrawn.v1"
    topic = FEEDBACK

    fulfilled_at: Instant
    """When the promise had in truth been kept."""


class _RemedyTold(Event):
    """What both events of a remedy's course have in common."""

    remedy_id: RemedyId
    """The remedy; natural key of its payment."""
    complaint_id: ComplaintId
    """The complaint that it makes good."""
    kind: Code
    """Sort of remedy: points …"""
    points: Count
    """Points to be paid; 0 if the remedy is of another sort."""


class RemedyGranted(_RemedyTold):
    """A remedy was granted; loyalty pays it once, or refuses it once, however often it is told."""

    type = "feedback.remedy_granted.v1"
    topic = FEEDBACK

    granted_at: Instant
    """When it was granted."""
    deadline_at: Instant
    """Until when an answer is expected; a grant for an unknown member waits no longer than this."""


class RemedySettled(_RemedyTold):
    """A remedy was paid."""

    type = "feedback.remedy_settled.v1"
    topic = FEEDBACK

    transaction_id: TransactionId | None = None
    """The ledger transaction that paid it, for remedies that loyalty pays."""


class FeedbackErasureDone(ErasureAnswered):
    """Feedback has wiped what it kept of an identity."""

    type = "feedback.erasure_done.v1"
    topic = FEEDBACK


EVENTS: tuple[type[Event], ...] = (
    ComplaintOpened,
    ComplaintAnswered,
    ComplaintResolved,
    ComplaintClosed,
    ComplaintReopened,
    SlaWarned,
    SlaBreached,
    SlaBreachWithdrawn,
    RemedyGranted,
    RemedySettled,
    FeedbackErasureDone,
)
"""Every event that the feedback service publishes."""
