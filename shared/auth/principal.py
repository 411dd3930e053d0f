"""Define the principal: the subject of a token, which is one of three kinds."""

from dataclasses import dataclass
from typing import Literal, get_args

SubjectKind = Literal["operator", "partner", "customer"]
Role = Literal["viewer", "agent", "manager", "analyst", "admin"]

ROLES: frozenset[Role] = frozenset(get_args(Role))
SHOP = "shop"


@dataclass(frozen=True, slots=True)
class Principal:
    """The subject of a verified token: an operator with roles, a partner with scopes, or one customer."""

    kind: SubjectKind
    id: str
    roles: frozenset[Role] = frozenset()
    scopes: frozenset[str] = frozenset()

    @property
    def customer_id(self) -> str | None:
        """Return the customer of this token, or None for operators and partners."""
        return self.id if self.kind == "customer" else None

    @property
    def issuer(self) -> str:
        """Return the issuer within which external ids of this subject are unique: `shop` or `partner:<id>`."""
        return f"partner:{self.id}" if self.kind == "partner" else SHOP

    @property
    def key(self) -> str:
        """Return the subject as one word, such as `operator:ana`, for idempotency, limits and the audit trail."""
        return f"{self.kind}:{self.id}"
