"""Contexts for tests that call handlers, consumers and use cases themselves."""

from typing import ClassVar

from shared.clock import Clock, SystemClock
from shared.context import Context
from shared.settings import ServiceSettings
from shared.vault import Vault


class TestedSettings(ServiceSettings):
    """Settings that stand for those of any service."""

    service: ClassVar[str] = "tested"
    port_offset: ClassVar[int] = 9


def context_of(vault: Vault, clock: Clock | None = None) -> Context:
    """Return a context with default settings and this vault."""
    return Context(TestedSettings(), vault, clock or SystemClock())
