"""One row of the table operation × who: everything that is not named here is refused."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from shared.auth.principal import ROLES, Principal, Role
from shared.errors import DomainError, Kind

CustomerAccess = Literal["self", "owned"]


class Verdict(Enum):
    """What the table says about one subject and one operation."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Allow:
    """Who may call an operation; default deny.

    `customer="self"`: a customer, for the `{customer_id}` of the path that is their own. `customer="owned"`: a
    customer, and the route itself makes sure that what is named is theirs (`owned_by`). `public`: no token at all.
    """

    operators: frozenset[Role] = frozenset()
    partner_scope: str | None = None
    customer: CustomerAccess | None = None
    public: bool = False

    def verdict(self, principal: Principal, customer_id: str | None) -> Verdict:
        """Whether `principal` may call the operation, `customer_id` being the one the path names (None: none)."""
        match principal.kind:
            case "operator":
                allowed = not self.operators.isdisjoint(principal.roles)
            case "partner":
                allowed = self.partner_scope is not None and self.partner_scope in principal.scopes
            case "customer":
                if self.customer == "self" and customer_id != principal.customer_id:
                    return Verdict.HIDDEN
                allowed = self.customer is not None
        return Verdict.ALLOWED if allowed or self.public else Verdict.FORBIDDEN

    def names(self) -> str:
        """What a token must be for, one of these: roles, the scope, a customer."""
        named = sorted(self.operators) + ([self.partner_scope] if self.partner_scope else [])
        return ", ".join([*named, *(["customer"] if self.customer else [])]) or "—"

    def words(self) -> str:
        """The row in one sentence, for the generated documentation."""
        if self.public:
            return "Anyone, without a token."
        who = [f"operators ({', '.join(sorted(self.operators))})"] if self.operators else []
        who += [f"partners with the scope `{self.partner_scope}`"] if self.partner_scope else []
        who += ["customers, for themselves"] if self.customer else []
        return f"{'; '.join(who)}.".capitalize() if who else "Nobody."


OPERATORS: frozenset[Role] = ROLES
PUBLIC = Allow(public=True)


def allow(
    operators: Collection[Role] = (),
    *,
    partner_scope: str | None = None,
    customer: CustomerAccess | None = None,
) -> Allow:
    """The row of one operation: these roles, partners with this scope, customers for themselves."""
    return Allow(frozenset(operators), partner_scope, customer)


def owned_by(principal: Principal, customer_id: str, hidden: DomainError) -> None:
    """Refuse a customer who asks for what belongs to another: with `hidden`, the answer to an unknown id."""
    if principal.kind == "customer" and principal.customer_id != customer_id:
        raise hidden


class Forbidden(DomainError):
    """The token is valid, but what it stands for may not do this."""

    kind, code = Kind.FORBIDDEN, "forbidden"
