"""Who is asking: the three kinds of subject a token can stand for."""

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
        """The customer this token stands for; None for operators and partners."""
        return self.id if self.kind == "customer" else None

    @property
    def issuer(self) -> str:
        """Within whose books an external id given by this subject is unique: `shop` or `partner:<id>`."""
        return f"partner:{self.id}" if self.kind == "partner" else SHOP

    @property
    def key(self) -> str:
        """The subject as one word, `operator:ana`: for idempotency, limits and the audit trail."""
        return f"{self.kind}:{self.id}"
