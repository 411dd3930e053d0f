"""What was asked of the product and what it answered: all that the oracle may know."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Body = dict[str, Any]
Kind = Literal["purchase", "return", "redemption", "adjustment", "complaint", "remedy"]


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
class Journal:
    """Everything that was asked, and everything that must not have happened."""

    asked: list[Asked] = field(default_factory=list)
    repeated: list[Asked] = field(default_factory=list)
    """Facts that were told again: they must have no effect of their own."""
    counts: Counter[str] = field(default_factory=Counter)
    """How often: answers by status, unanswered, unavailable, repeats, stored answers."""
    broken: list[str] = field(default_factory=list)
    """What broke a promise of the HTTP interface."""

    def begin(self, kind: Kind, service: str, path: str, body: Body, key: str) -> Asked:
        """Write down that something is about to be asked."""
        asked = Asked(kind, service, path, body, key, time.monotonic())
        self.asked.append(asked)
        return asked

    def breaks(self, what: str) -> None:
        """Write down a broken promise."""
        self.broken.append(what)

    def floor(self) -> list[str]:
        """Every kind of request that was never accepted: who refuses all of them loses none."""
        accepted = {request.kind for request in self.asked if request.done}
        return [f"no {kind} was accepted" for kind in get_args(Kind) if kind not in accepted]

    async def has_floor(self) -> bool:
        """Whether every kind of request was accepted at least once."""
        return not self.floor()
