"""Events of the feedback service: complaints, their SLA clocks and their remedies."""

from shared.events.base import (
    Code,
    ComplaintId,
    Count,
    Cycle,
    Event,
    IdentityEvent,
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
    about="Complaints, their SLA clocks and their remedies.",
    producer="feedback",
    consumers=("profile", "loyalty", "scoring"),
)


class _ComplaintChanged(IdentityEvent):
    """The fields of every event that changes a complaint."""

    complaint_id: ComplaintId
    """The complaint."""
    cycle: Cycle
    """Number of the complaint's cycle: 1 at first, and one more with every reopening."""
    status: Code
    """Code of the complaint's new status."""


class ComplaintOpened(_ComplaintChanged):
    """A customer complained."""

    type = "feedback.complaint_opened.v1"
    topic = FEEDBACK

    channel: Code
    """Code of the channel through which the customer complained."""
    opened_by: Code
    """Code of the party that recorded the complaint: customer, agent, partner or system."""
    contact_at: Instant
    """When the customer made contact. The SLA clocks start at this time."""
    received_at: Instant
    """When the complaint reached us."""
    priority: Code
    """Code of the complaint's priority."""
    problem_type: Code | None = None
    """Code of the problem type, if it is known."""
    purchase_id: PurchaseId | None = None
    """The purchase that the complaint is about, if it is known. The reference that the customer typed is not published."""


class ComplaintAnswered(_ComplaintChanged):
    """A person answered the complaint in this cycle."""

    type = "feedback.complaint_answered.v1"
    topic = FEEDBACK


class ComplaintResolved(_ComplaintChanged):
    """The complaint's promise of resolution in this cycle was kept."""

    type = "feedback.complaint_resolved.v1"
    topic = FEEDBACK


class ComplaintClosed(_ComplaintChanged):
    """The complaint was closed."""

    type = "feedback.complaint_closed.v1"
    topic = FEEDBACK

    outcome: Code
    """Code of the way in which the complaint ended: satisfied, not_satisfied, won_back, unreachable, withdrawn, rejected or duplicate."""


class ComplaintReopened(_ComplaintChanged):
    """A closed complaint was opened again. This starts a new cycle with its own SLA clocks."""

    type = "feedback.complaint_reopened.v1"
    topic = FEEDBACK


class _ClockEvent(IdentityEvent):
    """The fields of every event of an SLA clock. A clock is identified by complaint, metric, cycle and ordinal."""

    complaint_id: ComplaintId
    """The complaint that the clock belongs to."""
    metric: Code
    """Code of the promise: first_response, next_response, resolution or follow_up."""
    cycle: Cycle
    """Number of the complaint's cycle."""
    ordinal: Ordinal
    """Number of the exchange within the cycle."""
    policy_id: Slug
    """The policy that set the target time."""
    policy_version: Version
    """Version of that policy."""
    calendar_id: Slug
    """The calendar by which the working time was counted."""
    calendar_version: Version
    """Version of that calendar."""
    due_at: Instant
    """When the promise must be kept."""
    detected_at: Instant
    """When the service noticed it. After downtime this is later than occurred_at."""


class SlaWarned(_ClockEvent):
    """An SLA promise is close to its due time."""

    type = "feedback.sla_warned.v1"
    topic = FEEDBACK

    level: Ordinal
    """Number of the warning in the policy."""


class SlaBreached(_ClockEvent):
    """An SLA promise was not kept. It occurred at the due time, and is published once per clock."""

    type = "feedback.sla_breached.v1"
    topic = FEEDBACK


class SlaBreachWithdrawn(_ClockEvent):
    """A reply in time was recorded after the breach was published. The breach is void."""

    type = "feedback.sla_breach_withdrawn.v1"
    topic = FEEDBACK

    fulfilled_at: Instant
    """When the promise was kept in fact."""


class _RemedyEvent(IdentityEvent):
    """The fields of every event of a remedy."""

    remedy_id: RemedyId
    """The remedy. It is paid at most once."""
    complaint_id: ComplaintId
    """The complaint that the remedy answers."""
    kind: Code
    """Kind of the remedy, such as points."""
    points: Count
    """Points to be paid. It is 0 if the remedy is of another kind."""


class RemedyGranted(_RemedyEvent):
    """A remedy was granted. Loyalty pays or refuses it once, also when the event is delivered again."""

    type = "feedback.remedy_granted.v1"
    topic = FEEDBACK

    granted_at: Instant
    """When the remedy was granted."""
    deadline_at: Instant
    """When loyalty must have answered. A grant for an unknown member waits until this time at most."""


class RemedySettled(_RemedyEvent):
    """A remedy was paid."""

    type = "feedback.remedy_settled.v1"
    topic = FEEDBACK

    transaction_id: TransactionId | None = None
    """The ledger transaction that paid it, for remedies that loyalty pays."""


class FeedbackErasureDone(ErasureAnswered):
    """Feedback has wiped what it stored about an identity."""

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
