"""Decide to which identity each fact belongs. The decision is pure, so it can be made again after a claim was lost.

Identifiers lead to identities, and identities belong to owners. Only the first of these two maps is read here: a fact
belongs to the identity that its strongest given identifier leads to, merged or not, also when the identifier is new (docs/rules/owners.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from services.profile.people.domain.customers import Origin
from services.profile.people.domain.identifiers import Identifier, IdentifierKind
from shared.frozen import quickly_made


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One record about a customer: how it names the customer, and who reported it when."""

    record_id: str
    kind: Origin
    """The kind of record; also the origin of an identity that the fact brings into being."""
    source: str | None
    seen_at: datetime
    identity_id: str | None
    """The identity that the fact names by its id, if it does."""
    identifiers: tuple[Identifier, ...]
    """In their only spelling, the strongest first."""


@quickly_made
@dataclass(frozen=True, slots=True)
class Resolved:
    """The identity to which a fact belongs, and the owner of that identity."""

    identity_id: str
    customer_id: str
    is_new: bool
    """Whether the fact brought the identity into being."""
    has_attached: bool
    """Whether the fact brought an identifier that belonged to nobody."""
    unattached: tuple[IdentifierKind, ...]
    """The kinds of the identifiers that belong to another customer."""


@dataclass(frozen=True, slots=True)
class UnattachedIdentifier:
    """An identifier that was given but stays another customer's; it is kept as contested."""

    kind: IdentifierKind
    reason: Literal["held_by_another_customer"]

    @classmethod
    def held(cls, kind: IdentifierKind) -> Self:
        """Return an identifier that another customer holds."""
        return cls(kind, "held_by_another_customer")


@dataclass(frozen=True, slots=True)
class Clues:
    """The clues of one fact to its identity: an id, if given, and blind indexes of identifiers, strongest first."""

    identity_id: str | None
    indexes: tuple[bytes, ...]


@quickly_made
@dataclass(frozen=True, slots=True)
class Decision:
    """The identity to which a fact belongs, and what becomes of the fact's identifiers."""

    identity_id: str
    is_new: bool
    """Whether the fact brings the identity into being."""
    claims: tuple[int, ...]
    """The positions of the identifiers that nobody holds."""
    contested: tuple[int, ...]
    """The positions of the identifiers that another identity holds."""


class Holdings:
    """Knows who holds which identifier while the facts of a batch are taken, one after the other.

    A fact that is decided and not taken leaves nothing: the facts behind it are decided as if it had not come.
    """

    def __init__(self, holders: Mapping[bytes, str]) -> None:
        self._held = dict(holders)

    def decide(self, clues: Clues, new_id: str) -> Decision:
        """Return the decision about a fact, which would give `new_id` to a new identity."""
        return _decide(clues, self._held, new_id)

    def take(self, clues: Clues, decision: Decision) -> None:
        """Give the identifiers of a fact that nobody holds to its identity."""
        self._held |= {clues.indexes[position]: decision.identity_id for position in decision.claims}


def decide(clues: Sequence[Clues], holders: Mapping[bytes, str], new_ids: Sequence[str]) -> list[Decision]:
    """Return one decision per fact; each decision takes those before it into account.

    `holders` has the identity that holds an identifier, by blind index; an identifier that nobody holds is missing.
    `new_ids` has the id that a fact would give to a new identity. The same arguments give the same decisions.
    """
    holdings = Holdings(holders)
    decisions = []
    for clue, new_id in zip(clues, new_ids, strict=True):
        decision = holdings.decide(clue, new_id)
        holdings.take(clue, decision)
        decisions.append(decision)
    return decisions


def _decide(clues: Clues, held: Mapping[bytes, str], new_id: str) -> Decision:
    assert clues.identity_id or clues.indexes, "a fact names its customer somehow"
    known_id = clues.identity_id or held.get(clues.indexes[0])
    identity_id = known_id or new_id
    claims, contested = [], []
    for position, index in enumerate(clues.indexes):
        if index not in held:
            claims.append(position)
        elif held[index] != identity_id:
            contested.append(position)
    return Decision(identity_id, known_id is None, tuple(claims), tuple(contested))
