"""Declare the callers that each operation allows. All others are refused."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from shared.auth.principal import ROLES, Principal, Role
from shared.errors import DomainError, Kind
from shared.speech import Language

CustomerAccess = Literal["self", "owned"]


class Verdict(Enum):
    """The decision about one subject and one operation."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Allow:
    """The callers that an operation allows. By default there are none.

    With `customer="self"` a customer may call it if the `{customer_id}` of the path is their own. With `customer="owned"`
    any customer may call it, and the route checks that the named object is theirs. With `public` no token is needed.
    """

    operators: frozenset[Role] = frozenset()
    partner_scope: str | None = None
    customer: CustomerAccess | None = None
    public: bool = False

    def verdict(self, principal: Principal, customer_id: str | None) -> Verdict:
        """Decide whether `principal` may call the operation. `customer_id` is the one in the path, or None."""
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
        """Return the roles, the scope and the kind of subject of which a token needs one."""
        named = sorted(self.operators) + ([self.partner_scope] if self.partner_scope else [])
        return ", ".join([*named, *(["customer"] if self.customer else [])]) or "—"

    def words(self, language: Language = "en") -> str:
        """Return the allowed callers as one sentence, for the generated documentation."""
        return self._in_english() if language == "en" else self._in_chinese()

    def _in_english(self) -> str:
        if self.public:
            return "Anyone, without a token."
        callers = [f"operators ({', '.join(sorted(self.operators))})"] if self.operators else []
        callers += [f"partners with the scope `{self.partner_scope}`"] if self.partner_scope else []
        callers += ["customers, for themselves"] if self.customer else []
        return f"{'; '.join(callers)}.".capitalize() if callers else "Nobody."

    def _in_chinese(self) -> str:
        if self.public:
            return "任何人，无需令牌。"
        callers = [f"操作员（{'、'.join(sorted(self.operators))}）"] if self.operators else []
        callers += [f"具有权限范围 `{self.partner_scope}` 的合作伙伴"] if self.partner_scope else []
        callers += ["顾客本人"] if self.customer else []
        return f"{'；'.join(callers)}。" if callers else "无人。"


OPERATORS: frozenset[Role] = ROLES
PUBLIC = Allow(public=True)


def allow(
    operators: Collection[Role] = (),
    *,
    partner_scope: str | None = None,
    customer: CustomerAccess | None = None,
) -> Allow:
    """Allow operators with one of these roles, partners with this scope, and customers for themselves."""
    return Allow(frozenset(operators), partner_scope, customer)


class Forbidden(DomainError):
    """The token is valid, but its subject may not call this operation."""

    kind, code = Kind.FORBIDDEN, "forbidden"
