"""Facts about one operation that FastAPI's route does not have: its callers, its refusals, and how it is repeated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Literal

from shared.auth.access import Allow
from shared.errors import DomainError, Kind
from shared.http.rates import Rate
from shared.limits import BODY_BYTES_MAX

Idempotency = Literal["required", "optional"]
PreconditionNeed = Literal["required", "optional"]
Needs = Literal["transaction", "reading", "nothing"]
RefusalMembers = Callable[[Kind], Mapping[str, str]]
CUSTOMER = "customer_id"
"""The name of the parameter of a path that names a customer."""
EXTERNAL = "ext:"
"""The prefix of an external id in the place of a customer's id."""
ME = "me"
"""The word that stands for the caller: in the place of a customer's id for the customer of the token, in filters by operator for the
operator."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Everything that is declared per operationId."""

    id: str
    allow: Allow
    errors: tuple[type[DomainError], ...]
    idempotency: Idempotency | None
    query: frozenset[str]
    has_body: bool
    needs: Needs
    location: str | Mapping[int, str] | None = field(default=None, hash=False)
    """The template of the address of what it creates, if it creates something (see `shared.http.locations`)."""
    body_type: str | None = None
    """The media type of its body, if that is no JSON. Its route reads such a body itself."""
    body_bytes_max: int = BODY_BYTES_MAX
    """The longest body that it takes."""
    names_customer: bool = False
    """Whether its path names a customer."""
    names_customer_elsewhere: bool = False
    """Whether its query or its body can name a customer."""
    rate: Rate | None = None
    """The rate by which its requests are counted, if they are not counted with all others."""
    names_something: bool = False
    """Whether its path has a parameter."""
    reads: bool = False
    """Whether its method is GET."""
    puts: bool = False
    """Whether its method is PUT, so that it may create what its path names."""
    tagged: bool = False
    """Whether its answer has an ETag: the answer is a single thing, or has a version."""
    version: str | None = None
    """The field of its answer that is the version of the row."""
    computed_at: str | None = None
    """The field of its answer that is the instant at which the answer was computed. The ETag does not count it."""
    refusal_members: RefusalMembers | None = field(default=None, hash=False)
    """The function that returns the members that a problem document of this operation has beside those of all others."""
    precondition: PreconditionNeed | None = None
    """Whether a request must or may say which version it changes (If-Match)."""
    checks_precondition: bool = False
    """Whether its route asks for that version, to compare it under the lock of the row."""

    def __post_init__(self) -> None:
        if self.idempotency is not None and self.needs != "transaction":
            raise TypeError(
                f"{self.id}: an Idempotency-Key is kept in the transaction; the route must ask for one"
            )
        if self.idempotency is not None and self.allow.public:
            raise TypeError(f"{self.id}: an Idempotency-Key belongs to a principal; this operation has none")
        if (self.precondition is not None) != self.checks_precondition:
            raise TypeError(
                f"{self.id}: a precondition is declared, and the route asks for Expected; both or none"
            )
        if self.precondition is not None and self.version is None:
            raise TypeError(
                f"{self.id}: a precondition needs the `version` of what was changed in the answer"
            )
        if self.allow.customer is not None and (hidden := self._not_found) and _has_placeholder(hidden):
            raise TypeError(
                f"{self.id}: {hidden.__name__} must not repeat the id: others' and unknown look alike"
            )

    @property
    def is_counted(self) -> bool:
        """Return whether its requests are counted by a rate: all but those to a public operation without one."""
        return not self.allow.public or self.rate is not None

    @property
    def _not_found(self) -> type[DomainError] | None:
        return next((error for error in self.errors if error.kind is Kind.NOT_FOUND), None)

    def hidden(self) -> DomainError:
        """Return the refusal for a customer that asks for another customer's data: the same as for an unknown id."""
        return (self._not_found or NotFound)()


class NotFound(DomainError):
    """There is nothing at this address."""

    kind, code = Kind.NOT_FOUND, "not_found"


class NoCustomerOfToken(DomainError):
    """The request says `me`, and the token is not a customer's."""

    kind, code = Kind.INVALID, "no_customer_of_token"


class NamedByExternalId(DomainError):
    """A customer's token names its customer by an external id. Its issuer is known in profile only, so no service takes it."""

    kind, code = Kind.INVALID, "customer_says_me"


def customer_named(path_params: Mapping[str, object]) -> str | None:
    """Return the customer that a path names, or None if it names none."""
    value = path_params.get(CUSTOMER)
    return value if isinstance(value, str) else None


def _has_placeholder(error: type[DomainError]) -> bool:
    return any(name is not None for _, name, _, _ in Formatter().parse(error.en))
