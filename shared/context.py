"""The context of a use case and the runtime of a process: the parts that code needs besides its transaction."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Protocol

from typing_extensions import TypeVar

from shared.auth.principal import Principal
from shared.bus import Bus
from shared.clock import Clock
from shared.db import Database, Tx
from shared.settings import ServiceSettings
from shared.vault import Vault

WriteAudit = Callable[[Tx], Awaitable[None]]
"""Writes an act that has no request, such as a command, to the audit trail, in the transaction that does it."""
S = TypeVar("S", bound=ServiceSettings, default=ServiceSettings, covariant=True)


class Tokens(Protocol):
    """The verifier of bearer tokens."""

    async def verify(self, token: str) -> Principal:
        """Return the subject of a token that is genuine and in force.

        Raises a DomainError of kind UNAUTHENTICATED.
        """
        ...


@dataclass(frozen=True, slots=True)
class Context(Generic[S]):
    """The parts that a use case may need besides its transaction: the service's settings, its vault and its clock.

    Routes, handlers and jobs receive it and pass it on whole. It offers no way to a second transaction.
    """

    settings: S
    vault: Vault
    clock: Clock


@dataclass(frozen=True, slots=True)
class Runtime(Generic[S]):
    """The parts that a running service needs: settings, database, bus, vault, verifier of tokens, clock."""

    settings: S
    database: Database
    bus: Bus
    vault: Vault
    tokens: Tokens
    clock: Clock

    @property
    def context(self) -> Context[S]:
        """Return the parts that use cases receive."""
        return Context(self.settings, self.vault, self.clock)
