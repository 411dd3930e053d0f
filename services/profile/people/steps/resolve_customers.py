"""Find the identity to which each fact belongs, or make it: with its key and its identifiers."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.profile.people.domain import resolution
from services.profile.people.domain.customers import IdentifierState
from services.profile.people.domain.identifiers import Identifier
from services.profile.people.domain.resolution import Clues, Decision, Fact, Resolved
from services.profile.people.refusals import TooMuchContention, UnknownCustomer, refused_at
from services.profile.people.steps.known_identities import ROUNDS_MAX, KnownIdentities
from services.profile.people.steps.tell_references import FIRST_VERSION, tell_references
from services.profile.people.storage import identifiers, identities
from services.profile.people.storage.tables import IdentifierRecord, IdentityRecord
from shared.auth.principal import SHOP
from shared.context import Context
from shared.db import Tx
from shared.errors import DomainError
from shared.events.base import Cause
from shared.events.profile import CustomerRegistered
from shared.ids import new_id
from shared.pacing import paced
from shared.vault import Keys, SubjectErased, Vault


@dataclass(frozen=True, slots=True)
class Resolution:
    """One answer per fact, and the keys of all identities in the answers."""

    answers: list[Resolved | DomainError]
    keys: Keys


async def resolve_customers(
    tx: Tx, context: Context, facts: Sequence[Fact], *, issuer: str, judged: Collection[str] = ()
) -> Resolution:
    """Decide to which identity each fact belongs, store what is new, and publish the new identities.

    A fact that cannot be taken is answered with its refusal, and leaves nothing. The identities of the `judged` facts
    (their record ids) are locked.
    """
    customers = await look_up_customers(tx, context, facts, issuer=issuer)
    refusals = [customers.refusal(fact) for fact in facts]
    admitted = [fact for fact, refusal in zip(facts, refusals, strict=True) if refusal is None]
    resolved = iter(await customers.resolve(admitted, judged=judged))
    return Resolution([refusal or next(resolved) for refusal in refusals], customers.keys)


async def look_up_customers(
    tx: Tx, context: Context, facts: Sequence[Fact], *, issuer: str
) -> "CustomersOfFacts":
    """Read the identities that facts name and lead to, and lock them against erasure. Nothing is stored.

    `issuer` reports the facts, and their identifiers lead to identities within it: to the identity of another issuer
    leads no identifier, only an id that the shop names.
    """
    customers = CustomersOfFacts(tx, context.vault, facts, issuer)
    await customers.look_up(facts)
    return customers


class Foresight:
    """Foresees to which identities facts will belong, one after the other, before anything is stored."""

    def __init__(self, indexes: Mapping[Identifier, bytes], holders: Mapping[bytes, str]) -> None:
        self._indexes = indexes
        self._holdings = resolution.Holdings(holders)

    def identity_of(self, fact: Fact) -> str:
        """Return the identity of a fact; for a new identity the id of the record that brings it into being."""
        return self._decide(fact).identity_id

    def take(self, fact: Fact) -> None:
        """Take the identifiers of a fact that is recorded into account. One that is refused is not taken."""
        self._holdings.take(_clues(fact, self._indexes), self._decide(fact))

    def _decide(self, fact: Fact) -> Decision:
        return self._holdings.decide(_clues(fact, self._indexes), fact.record_id)


def _clues(fact: Fact, indexes: Mapping[Identifier, bytes]) -> Clues:
    return Clues(fact.identity_id, tuple(map(indexes.__getitem__, fact.identifiers)))


@dataclass(frozen=True, slots=True)
class _Claim:
    """An identifier that one fact gives to one identity."""

    identity_id: str
    index: bytes
    identifier: Identifier
    fact: Fact


class CustomersOfFacts:
    """The customers of the facts of one batch: they are looked up, and facts that are taken are resolved to them."""

    def __init__(self, tx: Tx, vault: Vault, facts: Sequence[Fact], issuer: str) -> None:
        self._tx, self._vault, self._issuer = tx, vault, issuer
        self._indexes = {
            identifier: vault.index(identifier.kind, identifier.issuer, identifier.value)
            for fact in facts
            for identifier in fact.identifiers
        }
        self._known = KnownIdentities(tx, vault, issuer)

    @property
    def keys(self) -> Keys:
        """The keys of all known identities, also of those that were made."""
        return self._known.keys

    @property
    def looked_up(self) -> set[str]:
        """The stored identities that the facts name or lead to."""
        return self._known.stored_ids

    def foresight(self) -> Foresight:
        """Return a view of the facts' identities, as they will be if the facts are resolved in the order of its use."""
        return Foresight(self._indexes, self._known.holders)

    async def resolve(self, facts: Sequence[Fact], *, judged: Collection[str] = ()) -> list[Resolved]:
        """Return the identities of facts that have no refusal; store what is new, and publish the new identities.

        The identities of the `judged` facts (their record ids) are locked: of two transactions that judge what one of
        them has, the second then sees the first. The locks are taken in the kernel's order: identity buckets, claims by
        blind index, then identities.
        """
        decisions = await self._claim(facts)
        contested = await self._keep_contested(facts, decisions)
        await self._store_new_identities(facts, decisions)
        attached = self._attached(facts, decisions)
        changed = {
            *(decision.identity_id for decision in decisions if decision.claims),
            *contested,
        }
        changed &= self._known.stored_ids
        changed |= {self._known.owner_of(identity_id) for identity_id in changed}
        to_judge = {
            decision.identity_id
            for fact, decision in zip(facts, decisions, strict=True)
            if fact.record_id in judged
        }
        if to_judge or changed:
            await identities.lock(self._tx, to_judge | changed | attached.keys())
        if changed:
            await identities.touch(self._tx, changed)
        if attached:
            await tell_references(self._tx, self._vault, self.keys, attached)
        return [self._resolved(fact, decision) for fact, decision in zip(facts, decisions, strict=True)]

    async def look_up(self, facts: Sequence[Fact]) -> None:
        """Read the identities that the facts name and lead to."""
        named_ids = {fact.identity_id for fact in facts if fact.identity_id is not None}
        await self._known.look_up(named_ids, self._indexes.values())

    def refusal(self, fact: Fact) -> DomainError | None:
        """Return why the id that a fact names cannot be taken; None if it can. Partners name only their own."""
        if fact.identity_id is None:
            return None
        if fact.identity_id not in self._known:
            return refused_at(UnknownCustomer, "/id")
        identity = self._known[fact.identity_id]
        if self._issuer not in (SHOP, identity.issuer):
            return refused_at(UnknownCustomer, "/id")
        return SubjectErased() if identity.is_erased else None

    async def _claim(self, facts: Sequence[Fact]) -> list[Decision]:
        """Make every identifier that nobody holds resolve, and return the decision about each fact.

        Where another transaction claimed an identifier first, the facts are decided again in memory. To roll back and
        try again instead would starve: each round loses to somebody else.
        """
        clues = [_clues(fact, self._indexes) for fact in facts]
        new_ids = ["" if self._leads_to_somebody(clue) else new_id("cus") for clue in clues]
        mine: dict[bytes, str] = {}
        for _ in range(ROUNDS_MAX):
            decisions = resolution.decide(clues, self._known.holders, new_ids)
            self._known.make_keys(decision.identity_id for decision in decisions if decision.is_new)
            claims = self._claims(facts, decisions)
            mine = await self._give_back_stale(mine, claims)
            missing = [claim for index, claim in claims.items() if index not in mine]
            won = await identifiers.claim(self._tx, await self._records(missing, "resolving"))
            mine |= {claim.index: claim.identity_id for claim in missing if claim.index in won}
            lost = [claim for claim in missing if claim.index not in won]
            if not lost:
                self._known.holders |= mine
                return decisions
            await self._learn_winners(lost)
        raise TooMuchContention

    def _leads_to_somebody(self, clues: Clues) -> bool:
        """Return whether a fact needs no new identity, whatever others claim meanwhile: no holder is ever forgotten."""
        return clues.identity_id is not None or clues.indexes[0] in self._known.holders

    async def _keep_contested(self, facts: Sequence[Fact], decisions: Sequence[Decision]) -> set[str]:
        """Keep the identifiers that stay with another identity as contested. Return the identities that have new ones."""
        contested = {
            (claim.identity_id, claim.index): claim
            for fact, decision in zip(facts, decisions, strict=True)
            for claim in self._claims_at(decision.contested, fact, decision)
        }
        return await identifiers.contest(self._tx, await self._records(contested.values(), "contested"))

    async def _store_new_identities(self, facts: Sequence[Fact], decisions: Sequence[Decision]) -> None:
        """Store the identities that facts brought into being, with their keys, and publish them."""
        references = self._references(facts, decisions)
        records = [
            self._identity(fact, decision)
            for fact, decision in zip(facts, decisions, strict=True)
            if decision.is_new
        ]
        await identities.insert(
            self._tx, records, self._known.new_keys_of(record.identity_id for record in records)
        )
        self._tx.publish(
            *(
                self._registered(fact, decision.identity_id, references.get(decision.identity_id, ()))
                for fact, decision in zip(facts, decisions, strict=True)
                if decision.is_new
            )
        )

    def _attached(self, facts: Sequence[Fact], decisions: Sequence[Decision]) -> dict[str, Cause]:
        """Return the identities that other services know already and that got external ids, of which they are told."""
        return {
            decision.identity_id: Cause(kind=fact.kind, id=fact.record_id)
            for fact, decision in zip(facts, decisions, strict=True)
            if decision.identity_id in self._known
            and any(fact.identifiers[position].kind == "external_id" for position in decision.claims)
        }

    def _resolved(self, fact: Fact, decision: Decision) -> Resolved:
        """Return the answer to a fact: its identity, its customer, and its identifiers of other customers."""
        customer_id = self._known.owner_of(decision.identity_id)
        unattached = tuple(
            fact.identifiers[position].kind
            for position in decision.contested
            if self._known.owner_of(self._holder(fact.identifiers[position])) != customer_id
        )
        return Resolved(decision.identity_id, customer_id, decision.is_new, bool(decision.claims), unattached)

    def _holder(self, identifier: Identifier) -> str:
        return self._known.holders[self._indexes[identifier]]

    async def _give_back_stale(
        self, mine: Mapping[bytes, str], claims: Mapping[bytes, _Claim]
    ) -> dict[bytes, str]:
        """Give back the claims that were decided otherwise meanwhile, and return the others."""
        current = {
            index: identity_id
            for index, identity_id in mine.items()
            if index in claims and claims[index].identity_id == identity_id
        }
        await identifiers.give_back(self._tx, self._issuer, mine.keys() - current.keys())
        return current

    async def _learn_winners(self, lost: Sequence[_Claim]) -> None:
        """Read who won these claims. An identity's own contested identifier is in its way: delete it."""
        held_by_nobody = await self._known.read_winners([claim.index for claim in lost])
        for claim in lost:
            if claim.index in held_by_nobody:
                await identifiers.drop_contested(self._tx, claim.identity_id, self._issuer, claim.index)

    def _claims(self, facts: Sequence[Fact], decisions: Sequence[Decision]) -> dict[bytes, _Claim]:
        """Return the claims that were decided, by blind index."""
        return {
            claim.index: claim
            for fact, decision in zip(facts, decisions, strict=True)
            for claim in self._claims_at(decision.claims, fact, decision)
        }

    def _claims_at(self, positions: Iterable[int], fact: Fact, decision: Decision) -> Iterable[_Claim]:
        """Yield the claims of the decided identity to the identifiers at these positions of a fact."""
        for position in positions:
            identifier = fact.identifiers[position]
            yield _Claim(decision.identity_id, self._indexes[identifier], identifier, fact)

    async def _records(self, claims: Iterable[_Claim], state: IdentifierState) -> list[IdentifierRecord]:
        return [self._record(claim, state) async for claim in paced(claims)]

    def _record(self, claim: _Claim, state: IdentifierState) -> IdentifierRecord:
        identifier = claim.identifier
        return IdentifierRecord(
            identity_id=claim.identity_id,
            kind=identifier.kind,
            issuer=self._issuer,
            blind_key=self._vault.index_generation,
            blind_index=claim.index,
            sealed=self._known.keys.seal(
                claim.identity_id, f"identifier.{identifier.kind}", identifier.value
            ),
            state=state,
            record_id=claim.fact.record_id,
            seen_at=claim.fact.seen_at,
            booked_at=self._tx.now,
        )

    def _identity(self, fact: Fact, decision: Decision) -> IdentityRecord:
        return IdentityRecord(
            identity_id=decision.identity_id,
            owner_id=decision.identity_id,
            origin=fact.kind,
            issuer=self._issuer,
            source=fact.source,
            created_at=fact.seen_at,
            booked_at=self._tx.now,
            updated_at=self._tx.now,
            record_version=FIRST_VERSION,
        )

    def _references(self, facts: Sequence[Fact], decisions: Sequence[Decision]) -> dict[str, list[str]]:
        """Return the references under which other services know identities, from their external ids."""
        references: dict[str, list[str]] = {}
        for fact, decision in zip(facts, decisions, strict=True):
            for identifier in (fact.identifiers[position] for position in decision.claims):
                if identifier.kind == "external_id":
                    reference = self._vault.reference(identifier.issuer, identifier.value)
                    references.setdefault(decision.identity_id, []).append(reference)
        return references

    def _registered(self, fact: Fact, identity_id: str, references: Sequence[str]) -> CustomerRegistered:
        return CustomerRegistered(
            identity_id=identity_id,
            customer_id=identity_id,
            occurred_at=fact.seen_at,
            cause=Cause(kind=fact.kind, id=fact.record_id),
            origin=fact.kind,
            source=fact.source,
            issuer=self._issuer,
            references=tuple(references),
            reference_key=self._vault.reference_mark if references else None,
        )
