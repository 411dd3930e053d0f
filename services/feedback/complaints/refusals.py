"""The refusals of complaints, each with a stable code."""

from shared.errors import DomainError, Kind
from shared.vault import SubjectErased


class UnknownComplaint(DomainError):
    """There is no such complaint, or it belongs to another customer, which looks the same."""

    kind, code = Kind.NOT_FOUND, "complaint_not_found"


class WrongState(DomainError):
    """The action is not legal in the complaint's state."""

    kind, code = Kind.CONFLICT, "wrong_state"


class NotForThisActor(DomainError):
    """The action is legal, but this kind of actor may not take it."""

    kind, code = Kind.FORBIDDEN, "action_forbidden"


class NotUsedHere(DomainError):
    """The request has a field that the action does not use."""

    kind, code = Kind.INVALID, "field_not_used"


class ReasonRequired(DomainError):
    """The action needs a reason."""

    kind, code = Kind.CONFLICT, "reason_required"


class MessageRequired(DomainError):
    """Nothing was written to the customer in this cycle."""

    kind, code = Kind.CONFLICT, "message_required"


class AnswerRequired(DomainError):
    """The action needs a message of a person to the customer in this cycle."""

    kind, code = Kind.CONFLICT, "answer_required"


class CustomerWaits(DomainError):
    """The customer wrote, or refused the answer, and nobody has replied since."""

    kind, code = Kind.CONFLICT, "customer_waits"


class FollowUpRequired(DomainError):
    """No follow-up was recorded in this cycle."""

    kind, code = Kind.CONFLICT, "follow_up_required"


class OutcomeRequired(DomainError):
    """Closing a complaint needs its outcome."""

    kind, code = Kind.CONFLICT, "outcome_required"


class AttemptsRequired(DomainError):
    """A customer counts as unreachable only after enough attempts."""

    kind, code = Kind.CONFLICT, "attempts_required"


class AnswerOfCustomerRequired(DomainError):
    """Only the customer says whether it was put right, and no follow-up of this cycle reached the customer."""

    kind, code = Kind.CONFLICT, "customer_not_reached"


class CustomerNotSatisfied(DomainError):
    """The customer's last answer was that it was not put right."""

    kind, code = Kind.CONFLICT, "customer_not_satisfied"


class ReviewLevelsExhausted(DomainError):
    """There is no higher level to review the answer."""

    kind, code = Kind.CONFLICT, "review_levels_exhausted"


class OtherOwnerRequired(DomainError):
    """An answer is reviewed by another owner than the one that gave it."""

    kind, code = Kind.CONFLICT, "other_owner_required"


class TargetRequired(DomainError):
    """A merge needs another complaint that exists as its target."""

    kind, code = Kind.CONFLICT, "target_required"


class TargetOfOtherCustomer(DomainError):
    """Complaints of different customers are not merged."""

    kind, code = Kind.CONFLICT, "target_of_other_customer"


class TargetNotOpen(DomainError):
    """The target of a merge must be open."""

    kind, code = Kind.CONFLICT, "target_not_open"


class DuplicateStaysClosed(DomainError):
    """A duplicate is not reopened, because its target goes on in its place."""

    kind, code = Kind.CONFLICT, "duplicate_stays_closed"


class ReopenTooLate(DomainError):
    """A complaint is reopened within a month only; later a new complaint follows it."""

    kind, code = Kind.CONFLICT, "reopen_too_late"


class ContactTimeRefused(DomainError):
    """The caller may not set the time of contact, or the time is out of range."""

    kind, code = Kind.INVALID, "contact_at_refused"


class MessageTimeRefused(DomainError):
    """The caller may not set the time of the message, or the time is out of range."""

    kind, code = Kind.INVALID, "occurred_at_refused"


class MessageKindForbidden(DomainError):
    """The caller may not write messages of this kind."""

    kind, code = Kind.FORBIDDEN, "message_kind_forbidden"


class UnknownCustomer(DomainError):
    """A partner names a customer that it did not bring, or an external id leads to nobody: both look like one that does not exist."""

    kind, code = Kind.INVALID, "unknown_customer"


class FollowsRefused(DomainError):
    """The complaint to follow does not exist, or it belongs to another customer."""

    kind, code = Kind.INVALID, "follows_refused"


class MessageNotDatedBack(DomainError):
    """Only a reply that was dated back is confirmed by a manager."""

    kind, code = Kind.CONFLICT, "nothing_to_confirm"


class UnknownMessage(DomainError):
    """The complaint has no such message."""

    kind, code = Kind.NOT_FOUND, "message_not_found"


CustomerErased = SubjectErased
"""The customer was erased, and nothing more is stored about them."""


class CustomerRequired(DomainError):
    """A complaint that an operator or partner opens needs its customer."""

    kind, code = Kind.INVALID, "customer_required"


class OtherCustomerNamed(DomainError):
    """A customer opens complaints in their own name only."""

    kind, code = Kind.FORBIDDEN, "other_customer_named"
