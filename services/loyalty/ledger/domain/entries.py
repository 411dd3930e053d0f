"""The entries of a member's ledger: facts with the postings that they led to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.loyalty.ledger.domain.postings import Account, PostingCause

SHOP = "shop"
"""The issuer of what the shop itself records."""


class OrderKey(NamedTuple):
    """An order: its id is unique in its source, within the issuer that recorded it."""

    issuer: str
    source: str
    order_id: str

    @classmethod
    def of(cls, text: str) -> OrderKey:
        """Return the order of a text that `text` gave."""
        return cls(*text.split(_SEPARATOR))

    @property
    def text(self) -> str:
        """Return the order as one text. No part can hold the separator, for all are printable."""
        return _SEPARATOR.join(self)


class EntryKey(NamedTuple):
    """The place of an entry in the list: the id of its first posting, or of its fact where there is no posting."""

    id: int
    cause: PostingCause


@dataclass(frozen=True, slots=True)
class SealedText:
    """A text that a person wrote, sealed under the key of an identity for a purpose."""

    identity_id: str
    purpose: str
    token: bytes
    readers: frozenset[str]
    """The kinds of subject that may read it."""


class ActivityOfEntry(NamedTuple):
    """The activity that an entry is of: its row, and its kind."""

    row_id: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A fact as the member's ledger shows it. None: the fact has nothing of that kind."""

    cause: PostingCause
    occurred_at: datetime
    booked_at: datetime
    outcome: str | None = None
    purchase_id: str | None = None
    return_id: str | None = None
    remedy_id: str | None = None
    goal: str | None = None
    source: str | None = None
    reward: str | None = None
    activity: ActivityOfEntry | None = None
    order: OrderKey | None = None
    order_sealed: SealedText | None = None
    """The order as the member named it."""
    currency: str | None = None
    amount_minor: int | None = None
    points: int | None = None
    text: SealedText | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """A posting as the member's ledger shows it."""

    cause: PostingCause
    from_account: Account
    to_account: Account
    lot_id: int
    to_lot_id: int | None
    points: int
    occurred_at: datetime
    booked_at: datetime
    is_from_here: bool
    """Whether the member's wallets have the side that the points leave."""
    is_to_here: bool
    """Whether the member's wallets have the side that the points come to."""


_SEPARATOR = "\x1f"
