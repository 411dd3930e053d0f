"""The refusals of the people capability."""

from shared.catalogues import field_sentence, filled
from shared.errors import DomainError, FieldError, Kind
from shared.limits import EXTERNAL_ID_MAX

IDENTIFIER_REQUIRED = field_sentence(__name__, "identifier_required")
"""The refusal of a customer that a request does not name at all."""


class PhoneInvalid(DomainError):
    """A phone number is one that no network can have given out."""

    kind, code = Kind.INVALID, "phone_invalid"


class EmailInvalid(DomainError):
    """An e-mail address cannot exist."""

    kind, code = Kind.INVALID, "email_invalid"


class ExternalIdInvalid(DomainError):
    """An external id is empty, too long or holds control characters."""

    kind, code = Kind.INVALID, "external_id_invalid"
    constants = {"most": EXTERNAL_ID_MAX}


class CustomerNotFound(DomainError):
    """There is no such customer, or this caller may not see it."""

    kind, code = Kind.NOT_FOUND, "customer_not_found"


class UnknownCustomer(DomainError):
    """The id that a fact names is no customer's, or this caller may not name it."""

    kind, code = Kind.INVALID, "unknown_customer"


class TooMuchContention(DomainError):
    """Other transactions kept changing the same identifiers or orders."""

    kind, code = Kind.UNAVAILABLE, "busy"


def refused_at(refusal: type[DomainError], pointer: str, **words: str) -> DomainError:
    """Return a refusal that is about one field, with an error of that field; `words` complete its sentence."""
    error = FieldError(pointer, refusal.code, filled(refusal.en, words), filled(refusal.zh, words, "zh"))
    return refusal(errors=(error,), extra=None, **words)


def moved_below(refusal: DomainError, pointer: str) -> DomainError:
    """Return the same refusal for a request in which what it is about stands below `pointer`."""
    errors = [
        FieldError(f"{pointer}{error.pointer}", error.code, error.en, error.zh) for error in refusal.errors
    ]
    return type(refusal)(errors=errors) if errors else refusal
