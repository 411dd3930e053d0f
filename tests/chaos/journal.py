"""What was asked of the product and what it answered: all that the oracle may know."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from tests.chaos.gate import Gate

Body = dict[str, Any]
Kind = Literal[
    "purchase", "return", "redemption", "adjustment", "complaint", "remedy", "hold", "commit", "hold_cancellation",
    "transfer", "reward_claim", "reward_cancellation", "reward_fulfilment", "reward_return", "activity",
    "activity_reversal",
]  # fmt: skip


@dataclass(slots=True, eq=False)
class Asked:
    """One request, asked again with the same key until it was answered."""

    kind: Kind
    service: str
    path: str
    body: Body
    key: str
    sent_at: float
    """Monotonic seconds of the first time."""
    status: int = 0
    """0 until it was answered."""
    answer: Body = field(default_factory=dict)
    answered_at: float = float("inf")
    unanswered: int = 0
    """How often it was sent and nothing came back."""

    @property
    def done(self) -> bool:
        """Whether it was answered with success."""
        return 200 <= self.status < 300


@dataclass(slots=True, eq=False)
class Loss:
    """A time for which a service had lost something: its keys, or what it had accepted since a backup."""

    service: str
    """Every service when it is empty."""
    lost_at: float
    """Monotonic seconds."""
    saved_at: float = float("inf")
    """When the backup was made; what the service accepted between then and the loss is lost with it."""
    saved_ms: int = 0
    """When the backup began, by the clock that the records have. Records before it are in the backup."""
    back_at: float = float("inf")
    """When the service was itself again."""
    named: Mapping[str, int] = field(default_factory=dict)
    """What the product said when the loss was accepted: each partition (topic/number), and where it ended."""

    def took(self, request: Asked) -> bool:
        """Whether the service accepted the request and lost it."""
        return (
            request.done
            and request.service == self.service
            and self.saved_at < request.answered_at <= self.lost_at
        )

    def forbids(self, request: Asked) -> bool:
        """Whether the request was accepted while the service had lost what it needs for it."""
        is_its = not self.service or request.service == self.service
        return request.done and is_its and self.lost_at < request.answered_at < self.back_at


@dataclass(slots=True, eq=False)
class Journal:
    """Everything that was asked, and everything that must not have happened."""

    asked: list[Asked] = field(default_factory=list)
    repeated: list[Asked] = field(default_factory=list)
    """Facts that were told again: they must have no effect of their own."""
    counts: Counter[str] = field(default_factory=Counter)
    """How often: answers by status, unanswered, unavailable, repeats, stored answers."""
    broken: list[str] = field(default_factory=list)
    """What broke a promise of the HTTP interface."""
    losses: list[Loss] = field(default_factory=list)
    gate: Gate = field(default_factory=Gate)
    """What clients pass before they ask."""

    def begin(self, kind: Kind, service: str, path: str, body: Body, key: str) -> Asked:
        """Write down that something is about to be asked."""
        asked = Asked(kind, service, path, body, key, time.monotonic())
        self.asked.append(asked)
        return asked

    def breaks(self, what: str) -> None:
        """Write down a broken promise."""
        self.broken.append(what)

    def is_lost(self, request: Asked) -> bool:
        """Whether the service that accepted the request has lost it since."""
        return any(loss.took(request) for loss in self.losses)

    @property
    def counted(self) -> list[Asked]:
        """What customers must have something of. What loyalty has lost is gone; what others have lost, loyalty has learned."""
        return [
            request for request in self.asked if request.service != "loyalty" or not self.is_lost(request)
        ]

    def floor(self) -> list[str]:
        """Every kind of request that was never accepted: who refuses all of them loses none."""
        owed = self.owed()
        return [f"no {kind} was accepted" for kind in get_args(Kind) if kind in owed]

    def owed(self) -> set[Kind]:
        """Return the kinds of request that were never accepted."""
        return set(get_args(Kind)) - {request.kind for request in self.asked if request.done}

    async def has_floor(self) -> bool:
        """Whether every kind of request was accepted at least once."""
        return not self.floor()
