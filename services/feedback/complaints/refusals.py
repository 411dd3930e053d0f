"""The refusals of complaints, each with a stable code."""

from shared.errors import DomainError, Kind


class UnknownComplaint(DomainError):
    """No such complaint, or another customer's, which looks the same."""

    kind, code = Kind.NOT_FOUND, "complaint_not_found"


class WrongState(DomainError):
    """The action is not legal in the complaint's state."""

    kind, code = Kind.CONFLICT, "wrong_state"


class NotForThisActor(DomainError):
    """The action is legal, but not for who asks."""

    kind, code = Kind.FORBIDDEN, "action_forbidden"


class NotUsedHere(DomainError):
    """Something came with an action that has no use for it."""

    kind, code = Kind.INVALID, "field_not_used"


class ReasonRequired(DomainError):
    """The action needs a reason."""

    kind, code = Kind.CONFLICT, "reason_required"


class MessageRequired(DomainError):
    """Nothing was written to the customer in this cycle."""

    kind, code = Kind.CONFLICT, "message_required"


class AnswerRequired(DomainError):
    """A complaint is not answered by a status."""

    kind, code = Kind.CONFLICT, "answer_required"


class FollowUpRequired(DomainError):
    """No follow-up was recorded in this cycle."""

    kind, code = Kind.CONFLICT, "follow_up_required"


class OutcomeRequired(DomainError):
    """A complaint is closed with how it ended."""

    kind, code = Kind.CONFLICT, "outcome_required"


class AttemptsRequired(DomainError):
    """Unreachable is not said before enough attempts."""

    kind, code = Kind.CONFLICT, "attempts_required"


class ReviewLevelsExhausted(DomainError):
    """There is no higher level to review the answer."""

    kind, code = Kind.CONFLICT, "review_levels_exhausted"


class OtherOwnerRequired(DomainError):
    """An answer is not reviewed by who gave it."""

    kind, code = Kind.CONFLICT, "other_owner_required"


class TargetRequired(DomainError):
    """A merge names another complaint that exists."""

    kind, code = Kind.CONFLICT, "target_required"


class TargetOfOtherCustomer(DomainError):
    """Complaints of different customers are not merged."""

    kind, code = Kind.CONFLICT, "target_of_other_customer"


class TargetNotOpen(DomainError):
    """What is merged must go on somewhere."""

    kind, code = Kind.CONFLICT, "target_not_open"


class DuplicateStaysClosed(DomainError):
    """A duplicate lives on in its target."""

    kind, code = Kind.CONFLICT, "duplicate_stays_closed"


class ReopenTooLate(DomainError):
    """After a month a complaint is a new one."""

    kind, code = Kind.CONFLICT, "reopen_too_late"


class ContactTimeRefused(DomainError):
    """The time of contact is not ours to believe."""

    kind, code = Kind.INVALID, "contact_at_refused"


class MessageTimeRefused(DomainError):
    """The time of a message is not ours to believe."""

    kind, code = Kind.INVALID, "occurred_at_refused"


class MessageKindForbidden(DomainError):
    """Nobody speaks in another's name."""

    kind, code = Kind.FORBIDDEN, "message_kind_forbidden"


class OrderOfOtherCustomer(DomainError):
    """A customer complains about their own orders."""

    kind, code = Kind.INVALID, "order_of_other_customer"


class FollowsRefused(DomainError):
    """A complaint follows an earlier one of the same customer."""

    kind, code = Kind.INVALID, "follows_refused"


class MessageNotDatedBack(DomainError):
    """Only a reply that was dated back needs a manager's word."""

    kind, code = Kind.CONFLICT, "nothing_to_confirm"


class UnknownMessage(DomainError):
    """No such message on this complaint."""

    kind, code = Kind.NOT_FOUND, "message_not_found"


class CustomerErased(DomainError):
    """The customer was erased: nothing more is written about them."""

    kind, code = Kind.GONE, "customer_erased"


class CustomerRequired(DomainError):
    """An operator or partner says who complains."""

    kind, code = Kind.INVALID, "customer_required"


class OtherCustomerNamed(DomainError):
    """A customer complains for themselves."""

    kind, code = Kind.FORBIDDEN, "other_customer_named"
