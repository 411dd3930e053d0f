"""The words of complaints: the complaint itself, and its messages."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Self

from services.feedback.complaints.domain.machine import Case

NOTHING_DUE: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""The due time of a complaint without one. It stands last in the order of due times, where a null could not be compared."""


class OpenedBy(StrEnum):
    """The kind of person that wrote a complaint down."""

    CUSTOMER = "customer"
    AGENT = "agent"
    PARTNER = "partner"


class MessageKind(StrEnum):
    """The author of a message: the customer, an agent, a note among ourselves, the system or a bot."""

    CUSTOMER = "customer"
    AGENT = "agent"
    NOTE = "note"
    SYSTEM = "system"
    BOT = "bot"


class WrittenKind(StrEnum):
    """A kind of message that a caller may write."""

    CUSTOMER = MessageKind.CUSTOMER.value
    AGENT = MessageKind.AGENT.value
    NOTE = MessageKind.NOTE.value


class Delivery(StrEnum):
    """The state of a message on its way to the other side."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OrderReference:
    """An order as the customer names it. It is stored sealed, as one text."""

    source: str
    order_id: str

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the reference of a text that `text` gave."""
        source, _, order_id = text.partition(_SEPARATOR)
        return cls(source, order_id)

    @property
    def text(self) -> str:
        """Return the reference as one text. Neither part can hold the separator, for both are printable."""
        return f"{self.source}{_SEPARATOR}{self.order_id}"


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint as it stands: its customer, and the case that the machine judges."""

    id: str
    number: str
    identity_id: str
    customer_id: str
    """Today's owner of the identity."""
    opened_by: str
    opened_by_id: str
    channel: str
    version: int
    """The number of changes that it had when it was read."""
    case: Case


def due_or_none(due_at: datetime) -> datetime | None:
    """Return the due time of a complaint, or None if nothing is due."""
    return None if due_at == NOTHING_DUE else due_at


_SEPARATOR: Final = "\x1f"
