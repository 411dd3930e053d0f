"""The operations of a service that need a second person in some cases."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.approvals.limits import OperatorLimit
from shared.auth.principal import Principal, Role
from shared.context import Context
from shared.db import Read, Tx


@dataclass(frozen=True, slots=True)
class Approved:
    """A request that a second person has approved: its content as it was proposed, and both operators."""

    approval_id: str
    path: Mapping[str, str]
    """The parameters of the path."""
    body: Mapping[str, Any]
    key: bytes
    """The keyed hash of the Idempotency-Key with which it was proposed."""
    proposed_by: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class Approvable:
    """An operation whose requests can be proposed, and what is done when one is approved."""

    operation: str
    """The operationId."""
    roles: frozenset[Role]
    """The roles that approve and reject."""
    limits: Callable[[Read, Context[Any], Principal], Awaitable[Sequence[OperatorLimit]]]
    """The function that reads the limits of an operator. It returns none for an operator that may not call the operation."""
    run: Callable[[Tx, Context[Any], Approved], Awaitable[str]]
    """The function that does what was proposed, and returns the address of what it created. Its refusals end the proposal."""
