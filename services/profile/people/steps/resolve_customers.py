"""Find whose each fact is, or make them: identities, their keys and what names them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.profile.people.domain import resolution
from services.profile.people.domain.identifiers import Identifier, IdentifierKind
from services.profile.people.domain.resolution import Decision, Named
from services.profile.people.refusals import TooMuchContention, UnknownCustomer, refused_at
from services.profile.people.storage import identifiers, identities
from services.profile.people.storage.identifiers import Claim
from services.profile.people.storage.identities import Birth, Identity
from shared.db import Tx, locks
from shared.errors import DomainError
from shared.events.base import Cause
from shared.events.profile import CustomerRegistered
from shared.ids import is_id, new_id
from shared.pacing import paced
from shared.vault import Keys, SubjectErased, Vault

ROUNDS_MAX = 5
"""How often claims are decided again before the caller is asked to come back; two are enough without an erasure."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What one record says of its customer, and who says it."""

    record_id: str
    cause_kind: str
    """`purchase` or `registration`; also the origin of an identity it brings into being."""
    source: str | None
    seen_at: datetime
    identity_id: str | None
    identifiers: tuple[Identifier, ...]
    """In their only spelling, strongest first."""


@dataclass(frozen=True, slots=True)
class Found:
    """Whose a fact is."""

    identity_id: str
    customer_id: str
    born: bool
    attached: bool
    """Whether the fact brought an identifier that nobody had."""
    unattached: tuple[IdentifierKind, ...]
    """Kinds of the identifiers that are, and stay, another customer's."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """One answer a fact, and the keys of everybody found."""

    answers: list[Found | DomainError]
    keys: Keys


@dataclass(slots=True)
class _World:
    """What is known so far of the identities concerned; grows while claims are made."""

    holders: dict[bytes, str]
    known: dict[str, Identity]
    keys: Keys
    key_rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def owner_of(self, identity_id: str) -> str:
        """The customer an identity belongs to; one not yet stored is its own."""
        known = self.known.get(identity_id)
        return known.owner_id if known else identity_id


async def resolve_customers(tx: Tx, vault: Vault, facts: Sequence[Fact], *, issuer: str) -> Resolution:
    """Decide whose each fact is, store what is new, and publish who came into being.

    `issuer` is who brings the facts. The lock order is DESIGN's: identity buckets, claims by index, then identities.
    """
    indexes = {
        identifier: vault.index(identifier.kind, identifier.issuer, identifier.value)
        for fact in facts
        for identifier in fact.identifiers
    }
    world = await _look_up(tx, vault, facts, indexes)
    refusals = [_refusal(world, fact, issuer) for fact in facts]
    admitted = [fact for fact, refusal in zip(facts, refusals, strict=True) if refusal is None]
    decisions = await _claim(tx, vault, world, admitted, indexes)
    await _keep_contested(tx, vault, world, admitted, decisions, indexes)
    births = [
        Birth(decision.identity_id, fact.cause_kind, issuer, fact.source, fact.seen_at)
        for fact, decision in zip(admitted, decisions, strict=True)
        if decision.born
    ]
    await identities.insert(tx, births, [world.key_rows[birth.identity_id] for birth in births])
    tx.publish(*_registered(vault, admitted, decisions))
    answers = iter(
        _answer(world, fact, decision, indexes) for fact, decision in zip(admitted, decisions, strict=True)
    )
    return Resolution([refusal or next(answers) for refusal in refusals], world.keys)


async def _look_up(
    tx: Tx, vault: Vault, facts: Sequence[Fact], indexes: Mapping[Identifier, bytes]
) -> _World:
    """Who holds the identifiers and who is named, kept from being erased until the transaction ends."""
    world = _World({}, {}, vault.keys_of(()))
    named = {fact.identity_id for fact in facts if fact.identity_id is not None}
    for _ in range(ROUNDS_MAX):
        world.holders = await identifiers.holders(tx, indexes.values())
        await _meet(tx, vault, world, named | set(world.holders.values()))
        if all(_alive(world, holder) for holder in world.holders.values()):
            return world
        # Whoever waited for an erasure sees it now: its identifiers are gone at the next look.
    raise TooMuchContention


async def _meet(tx: Tx, vault: Vault, world: _World, identity_ids: set[str]) -> None:
    """Lock these identities against erasure and read them."""
    missing = sorted(identity for identity in identity_ids - world.known.keys() if is_id("cus", identity))
    if missing:
        await locks.identities(tx, missing)
        known, keys = await identities.find(tx, vault, missing)
        world.known |= known
        world.keys |= keys


def _alive(world: _World, identity_id: str) -> bool:
    known = world.known.get(identity_id)
    return known is not None and known.state != "erased"


def _refusal(world: _World, fact: Fact, issuer: str) -> DomainError | None:
    """Why the id that a fact names cannot be taken; partners name only whom they brought."""
    if fact.identity_id is None:
        return None
    known = world.known.get(fact.identity_id)
    if known is None or (issuer != known.issuer and issuer.startswith("partner:")):
        return refused_at(UnknownCustomer, "/id")
    return SubjectErased() if known.state == "erased" else None


async def _claim(
    tx: Tx, vault: Vault, world: _World, facts: Sequence[Fact], indexes: Mapping[Identifier, bytes]
) -> list[Decision]:
    """Make every identifier that nobody holds resolve; decide again, in memory, for those another made theirs first.

    Rolling back and trying again instead starves: each round loses to somebody else.
    """
    named = [
        Named(
            fact.identity_id, tuple((identifier.kind, indexes[identifier]) for identifier in fact.identifiers)
        )
        for fact in facts
    ]
    births = [new_id("cus") for _ in facts]
    mine: dict[bytes, str] = {}
    for _ in range(ROUNDS_MAX):
        decisions = resolution.decide(named, world.holders, births)
        wanted = _claims(facts, decisions, indexes)
        stale = [index for index, identity_id in mine.items() if _identity(wanted, index) != identity_id]
        await identifiers.give_back(tx, stale)
        mine = {index: identity_id for index, identity_id in mine.items() if index not in stale}
        asked = [claim for index, claim in wanted.items() if index not in mine]
        _mint(vault, world, [decision.identity_id for decision in decisions if decision.born])
        rows = [_row(tx, vault, world, claim, "resolving") async for claim in paced(asked)]
        won = await identifiers.claim(tx, rows)
        mine |= {claim.index: claim.identity_id for claim in asked if claim.index in won}
        lost = [claim for claim in asked if claim.index not in won]
        if not lost:
            world.holders |= mine
            return decisions
        await _learn_winners(tx, vault, world, lost)
    raise TooMuchContention


async def _learn_winners(tx: Tx, vault: Vault, world: _World, lost: Sequence[Claim]) -> None:
    """Read who has made these identifiers theirs: they have committed, or we would still wait.

    Their buckets come after our claims, out of the lock order; only an erasure takes buckets exclusively, and it waits
    for no claim.
    """
    winners = await identifiers.holders(tx, [claim.index for claim in lost])
    await _meet(tx, vault, world, set(winners.values()))
    world.holders |= {index: holder for index, holder in winners.items() if _alive(world, holder)}
    for claim in lost:
        if claim.index not in winners:
            await identifiers.take_up(tx, claim.identity_id, claim.index)


async def _keep_contested(
    tx: Tx,
    vault: Vault,
    world: _World,
    facts: Sequence[Fact],
    decisions: Sequence[Decision],
    indexes: Mapping[Identifier, bytes],
) -> None:
    words = {
        (decision.identity_id, indexes[fact.identifiers[position]]): _claim_of(
            fact, decision, position, indexes
        )
        for fact, decision in zip(facts, decisions, strict=True)
        for position in decision.contested
    }
    await identifiers.contest(tx, [_row(tx, vault, world, claim, "contested") for claim in words.values()])


def _claims(
    facts: Sequence[Fact], decisions: Sequence[Decision], indexes: Mapping[Identifier, bytes]
) -> dict[bytes, Claim]:
    claims = (
        _claim_of(fact, decision, position, indexes)
        for fact, decision in zip(facts, decisions, strict=True)
        for position in decision.claims
    )
    return {claim.index: claim for claim in claims}


def _claim_of(fact: Fact, decision: Decision, position: int, indexes: Mapping[Identifier, bytes]) -> Claim:
    identifier = fact.identifiers[position]
    return Claim(decision.identity_id, indexes[identifier], identifier, fact.record_id, fact.seen_at)


def _identity(claims: Mapping[bytes, Claim], index: bytes) -> str | None:
    claim = claims.get(index)
    return claim.identity_id if claim else None


def _mint(vault: Vault, world: _World, births: Sequence[str]) -> None:
    keys, rows = vault.mint(birth for birth in births if birth not in world.key_rows)
    world.keys |= keys
    world.key_rows |= {row["identity_id"]: row for row in rows}


def _row(tx: Tx, vault: Vault, world: _World, claim: Claim, state: str) -> dict[str, Any]:
    sealed = world.keys.seal(claim.identity_id, f"identifier.{claim.identifier.kind}", claim.identifier.value)
    return identifiers.row_of(claim, sealed, state=state, generation=vault.index_generation, booked_at=tx.now)


def _answer(world: _World, fact: Fact, decision: Decision, indexes: Mapping[Identifier, bytes]) -> Found:
    owner = world.owner_of(decision.identity_id)
    elsewhere = tuple(
        fact.identifiers[position].kind
        for position in decision.contested
        if world.owner_of(world.holders[indexes[fact.identifiers[position]]]) != owner
    )
    return Found(decision.identity_id, owner, decision.born, bool(decision.claims), elsewhere)


def _registered(
    vault: Vault, facts: Sequence[Fact], decisions: Sequence[Decision]
) -> list[CustomerRegistered]:
    """One event for each identity that came into being, with the references other services know it by."""
    references: dict[str, list[str]] = {}
    for fact, decision in zip(facts, decisions, strict=True):
        for position in decision.claims:
            identifier = fact.identifiers[position]
            if identifier.kind == "external_id":
                token = vault.reference(identifier.issuer, identifier.value)
                references.setdefault(decision.identity_id, []).append(token)
    return [
        CustomerRegistered(
            identity_id=decision.identity_id,
            customer_id=decision.identity_id,
            occurred_at=fact.seen_at,
            cause=Cause(kind=fact.cause_kind, id=fact.record_id),
            origin=fact.cause_kind,
            source=fact.source,
            references=tuple(references.get(decision.identity_id, ())),
        )
        for fact, decision in zip(facts, decisions, strict=True)
        if decision.born
    ]
