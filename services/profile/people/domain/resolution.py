"""Whose a fact is (models/profile §2): pure, so that it can be decided again when a claim was lost to another.

Identifier → identity is one map, identity → owner another, and only the first is read here: a fact is given to the
identity its strongest *given* identifier belongs to, merged or not, also when that identifier is new.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.profile.people.domain.identifiers import IdentifierKind

HELD: Final = "held_by_another_customer"
"""Why an identifier was not attached: it is, and stays, somebody else's."""


@dataclass(frozen=True, slots=True)
class Named:
    """What one fact says of its customer: an identity's id, if given, and keyed identifiers, strongest first."""

    identity_id: str | None
    identifiers: tuple[tuple[IdentifierKind, bytes], ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whose the fact is, which of its identifiers become theirs, and which stay somebody else's."""

    identity_id: str
    born: bool
    """Whether this fact brings the identity into being."""
    claims: tuple[int, ...]
    """Positions of the identifiers that nobody held."""
    contested: tuple[int, ...]
    """Positions of the identifiers that another identity holds."""


def decide(named: Sequence[Named], holders: Mapping[bytes, str], births: Sequence[str]) -> list[Decision]:
    """One decision a fact, each knowing those before it.

    `holders` says which identity each keyed identifier belongs to (missing: nobody), `births` which id a fact would
    give to a new identity. The same arguments give the same decisions.
    """
    held = dict(holders)
    return [_decide(one, held, birth) for one, birth in zip(named, births, strict=True)]


def _decide(named: Named, held: dict[bytes, str], birth: str) -> Decision:
    assert named.identity_id or named.identifiers, "a fact names its customer somehow"
    found = named.identity_id or held.get(named.identifiers[0][1])
    identity_id = found or birth
    claims, contested = [], []
    for position, (_, index) in enumerate(named.identifiers):
        if index not in held:
            held[index] = identity_id
            claims.append(position)
        elif held[index] != identity_id:
            contested.append(position)
    return Decision(identity_id, found is None, tuple(claims), tuple(contested))
