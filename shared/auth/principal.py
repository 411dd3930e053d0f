"""Define the principal: the subject of a token, which is one of three kinds."""

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from shared.ids import is_id
from shared.limits import PARTNER_ID

SubjectKind = Literal["operator", "partner", "customer"]
Role = Literal["viewer", "agent", "manager", "analyst", "admin"]

Scope = Literal[
    "activities:read", "activities:write", "checkout:read", "checkout:write", "complaints:read", "complaints:write", "customers:read", "customers:write", "jobs:cancel", "jobs:read",
    "purchases:read", "purchases:write", "returns:read", "returns:write", "rewards:read", "rewards:write",
]  # fmt: skip
"""The scopes that the operations of all services ask partners for. A test compares them with the operations."""

ROLES: frozenset[Role] = frozenset(get_args(Role))
SHOP = "shop"
SUBJECT_CHARACTERS_MAX = 200
NAME_CHARACTERS_MAX = 200
"""Characters of an operator's full name in a token. A longer name is cut."""
SEES_PERSONS: frozenset[Role] = frozenset(("agent", "manager", "admin"))
"""The roles that read identifiers and names as they are. An operator without one of them reads them masked."""
_PARTNER_ID = re.compile(PARTNER_ID)


def is_subject(kind: SubjectKind, text: str) -> bool:
    """Return whether `text` has the form of the id of such a subject.

    A customer is named by the id of an identity, a partner by a short code without `@`, so that it is no
    e-mail address, an operator by a printable word.
    """
    match kind:
        case "customer":
            return is_id("cus", text)
        case "partner":
            return _PARTNER_ID.fullmatch(text) is not None and "@" not in text
        case "operator":
            return 0 < len(text) <= SUBJECT_CHARACTERS_MAX and text.isprintable() and " " not in text


@dataclass(frozen=True, slots=True)
class Principal:
    """The subject of a verified token: an operator with roles, a partner with scopes, or one customer."""

    kind: SubjectKind
    id: str
    roles: frozenset[Role] = frozenset()
    scopes: frozenset[str] = frozenset()
    name: str | None = field(default=None, repr=False)
    """The full name of an operator, if the token tells it. It is never logged, and stored only sealed."""

    @property
    def sees_persons(self) -> bool:
        """Return whether identifiers and names are shown to this subject as they are, and not masked."""
        return self.kind != "operator" or not self.roles.isdisjoint(SEES_PERSONS)

    @property
    def customer_id(self) -> str | None:
        """Return the customer of this token, or None for operators and partners."""
        return self.id if self.kind == "customer" else None

    @property
    def issuer(self) -> str:
        """Return the issuer within which the names that this subject tells are unique: `shop` or `partner:<id>`."""
        return f"partner:{self.id}" if self.kind == "partner" else SHOP

    def issuer_asked(self, issuer: str | None) -> str | None:
        """Return the issuer within which this subject looks names up: its own, or the one that an operator asks for.

        None if it asks for an issuer whose names it may not look up: then it finds nobody.
        """
        if issuer is None:
            return self.issuer
        return issuer if self.kind == "operator" or issuer == self.issuer else None

    @property
    def key(self) -> str:
        """Return the subject as one word, such as `operator:ana`, for idempotency, limits and the audit trail."""
        return f"{self.kind}:{self.id}"
