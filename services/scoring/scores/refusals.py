"""The refusals of the scores."""

from shared.errors import DomainError, Kind


class UnknownCustomer(DomainError):
    """No fact, merge or registration has named this id, or it was erased."""

    kind, code = Kind.NOT_FOUND, "customer_not_found"
