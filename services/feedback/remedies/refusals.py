"""The refusals of remedies."""

from shared.errors import DomainError, Kind


class UnknownRemedy(DomainError):
    """The complaint has no such remedy."""

    kind, code = Kind.NOT_FOUND, "remedy_not_found"


class RemedyNotOverdue(DomainError):
    """Only a remedy that waits too long for its answer is announced again."""

    kind, code = Kind.CONFLICT, "remedy_not_overdue"


class RemedyOnEndedComplaint(DomainError):
    """Rejected, merged and withdrawn complaints get no remedy."""

    kind, code = Kind.CONFLICT, "remedy_not_possible"


class RetryOfRefused(DomainError):
    """Only a refused remedy of the same complaint is tried again."""

    kind, code = Kind.CONFLICT, "retry_of_refused_only"


class RetriedAlready(DomainError):
    """A refused remedy is tried again once; the next try names the one before."""

    kind, code = Kind.CONFLICT, "retried_already"


class RemedyAboveComplaintLimit(DomainError):
    """The remedies of a complaint would add up to more than the operator may grant on one."""

    kind, code = Kind.CONFLICT, "remedy_above_complaint_limit"


class RemedyAboveDayLimit(DomainError):
    """The remedies of an operator's day would add up to more than the operator may grant."""

    kind, code = Kind.CONFLICT, "remedy_above_day_limit"


class RemedyAboveEveryLimit(DomainError):
    """An agent proposes a remedy that no manager may grant."""

    kind, code = Kind.CONFLICT, "remedy_above_every_limit"


class PaidAfterRefusal(DomainError):
    """Loyalty paid a remedy that it had refused before; a person has to look at it."""

    kind, code = Kind.CONFLICT, "paid_after_refusal"


class RefusedAfterPayment(DomainError):
    """Loyalty refused a remedy that it had paid before; a person has to look at it."""

    kind, code = Kind.CONFLICT, "refused_after_payment"
