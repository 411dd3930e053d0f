"""The refusals of remedies."""

from shared.errors import DomainError, Kind


class UnknownRemedy(DomainError):
    """No such remedy on this complaint."""

    kind, code = Kind.NOT_FOUND, "remedy_not_found"


class RemedyNotOverdue(DomainError):
    """Only a remedy without an answer is asked for again."""

    kind, code = Kind.CONFLICT, "remedy_not_overdue"


class RemedyOnEndedComplaint(DomainError):
    """Spam, duplicates and withdrawn complaints get nothing."""

    kind, code = Kind.CONFLICT, "remedy_not_possible"


class RetryOfRefused(DomainError):
    """A new try names the remedy of this complaint that was refused."""

    kind, code = Kind.CONFLICT, "retry_of_refused_only"


class PaidAfterRefusal(DomainError):
    """Loyalty says paid of what it had refused: somebody has to look."""

    kind, code = Kind.CONFLICT, "paid_after_refusal"


class RefusedAfterPayment(DomainError):
    """Loyalty refuses what it had paid: somebody has to look."""

    kind, code = Kind.CONFLICT, "refused_after_payment"
