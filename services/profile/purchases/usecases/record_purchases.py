"""Record purchases, once each, with the customers they are of."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.profile.people.domain.identifiers import Identifier, Spelled, normalised
from services.profile.people.refusals import TooMuchContention, refused_at
from services.profile.people.steps.resolve_customers import Fact, Found, resolve_customers
from services.profile.people.storage import identities
from services.profile.purchases.domain import purchases as rules
from services.profile.purchases.domain.purchases import Purchase
from services.profile.purchases.refusals import OrderConflict, ReturnNotPossible, conflicting
from services.profile.purchases.steps.take_back import Overtaken, take_back
from services.profile.purchases.storage import purchases, returns
from services.profile.purchases.storage.purchases import OrderKey, Stored, StoredLine
from shared import money
from shared.auth.principal import SHOP
from shared.consume.set_aside import Reason
from shared.db import Tx, locks
from shared.errors import DomainError, FieldError
from shared.events.base import Cause
from shared.events.profile import PurchaseLine, PurchaseRecorded
from shared.ids import new_id
from shared.limits import BATCH_ITEMS_MAX
from shared.pacing import paced
from shared.vault import Keys, Vault

ATTEMPTS_MAX = 5
"""How often a batch is looked at anew because another recorded one of its orders in the meantime."""


@dataclass(frozen=True, slots=True)
class Told:
    """A purchase as somebody told it: what was bought, and who bought it in their own spelling."""

    purchase: Purchase
    identity_id: str | None
    spelled: Spelled


@dataclass(frozen=True, slots=True)
class _Draft:
    """A purchase that can be recorded, as soon as it is known whose it is."""

    purchase_id: str
    purchase: Purchase
    identity_id: str | None
    identifiers: tuple[Identifier, ...]
    content_hash: bytes
    customer_hash: bytes

    @property
    def key(self) -> OrderKey:
        return self.purchase.source, self.purchase.order_id


Outcome = Stored | DomainError


async def record_purchases(
    tx: Tx, vault: Vault, told: Sequence[Told], *, issuer: str, region: str
) -> list[Outcome]:
    """One outcome a purchase: recorded (now or before, with its first answer), or refused; neighbours apply.

    `issuer` is who brings them, `region` where phone numbers without a country code are dialled.
    """
    assert len(told) <= BATCH_ITEMS_MAX, "the edge bounds its batches"
    prepared = [_prepare(vault, one, issuer, region) async for one in paced(told)]
    drafts = [draft for draft in prepared if isinstance(draft, _Draft)]
    await locks.rendezvous(tx, (returns.awaited(*draft.key) for draft in drafts))
    outcomes = await _record(tx, vault, drafts, issuer)
    return [outcomes[one.purchase_id] if isinstance(one, _Draft) else one for one in prepared]


def _prepare(vault: Vault, told: Told, issuer: str, region: str) -> _Draft | DomainError:
    """Normalise, digest, and refuse what no look at the database could mend."""
    purchase = told.purchase
    if purchase.currency not in money.CURRENCIES:
        return refused_at(money.UnknownCurrency, "/currency")
    try:
        identifiers = normalised(told.spelled, issuer=issuer, region=region)
    except DomainError as refusal:
        return _under_customer(refusal)
    named = [told.identity_id, *((one.kind, one.issuer, one.value) for one in identifiers)]
    return _Draft(
        new_id("pur"),
        purchase,
        told.identity_id,
        identifiers,
        vault.digest("purchase_content", rules.content(purchase)),
        vault.digest("purchase_customer", json.dumps(named).encode()),
    )


async def _record(tx: Tx, vault: Vault, drafts: Sequence[_Draft], issuer: str) -> dict[str, Outcome]:
    """Outcomes by purchase id of the draft; again from a savepoint while others record the same orders."""
    for _ in range(ATTEMPTS_MAX):
        try:
            async with tx.savepoint():
                return await _attempt(tx, vault, drafts, issuer)
        except Overtaken:
            continue
    raise TooMuchContention


async def _attempt(tx: Tx, vault: Vault, drafts: Sequence[_Draft], issuer: str) -> dict[str, Outcome]:
    known = await purchases.find(tx, (draft.key for draft in drafts))
    outcomes: dict[str, Outcome] = {}
    first: dict[OrderKey, _Draft] = {}
    for draft in drafts:
        if draft.key not in known and (refusal := _unbelievable(draft, tx)) is not None:
            outcomes[draft.purchase_id] = refusal
        elif draft.key not in known:
            first.setdefault(draft.key, draft)
    new = await _store(tx, vault, list(first.values()), issuer, outcomes)
    repeats = [draft for draft in drafts if draft.purchase_id not in outcomes]
    return outcomes | await _repeated(tx, vault, repeats, known | new, first, outcomes, issuer)


async def _store(
    tx: Tx, vault: Vault, drafts: Sequence[_Draft], issuer: str, outcomes: dict[str, Outcome]
) -> dict[OrderKey, Stored]:
    """Store what is new and tell the others; writes outcomes. Raises Overtaken."""
    if not drafts:
        return {}
    facts = [
        Fact(
            draft.purchase_id,
            "purchase",
            draft.purchase.source,
            draft.purchase.purchased_at,
            draft.identity_id,
            draft.identifiers,
        )
        for draft in drafts
    ]
    resolved = await resolve_customers(tx, vault, facts, issuer=issuer)
    stored: list[tuple[_Draft, Stored]] = []
    for draft, answer in zip(drafts, resolved.answers, strict=True):
        if isinstance(answer, Found):
            stored.append((draft, _stored(tx, draft, answer, issuer)))
        else:
            outcomes[draft.purchase_id] = _under_customer(answer)
    if not await purchases.insert(tx, [one for _, one in stored]):
        raise Overtaken
    lines = [(one.purchase_id, one.identity_id, draft.purchase.lines) for draft, one in stored]
    await purchases.insert_lines(tx, lines, resolved.keys)
    tx.publish(*[_recorded(draft.purchase, one) async for draft, one in paced(stored)])
    outcomes |= {one.purchase_id: one for _, one in stored}
    new = {one.key: one for _, one in stored}
    await _apply_waiting(tx, vault, new)
    return new


async def _apply_waiting(tx: Tx, vault: Vault, new: dict[OrderKey, Stored]) -> None:
    """Apply the returns that waited for these purchases; one that does not fit goes to the operators."""
    released = await returns.release(tx, vault, new)
    recorded = await returns.find(tx, (one.key for _, one in released))
    seen = set(recorded)
    fitting = []
    for parked, one in released:
        if one.key in seen or one.issuer not in (SHOP, new[one.order].issuer):
            await returns.bury(tx, parked, _NOT_ITS_OWN)
        else:
            seen.add(one.key)
            fitting.append((parked, one))
    answers = await take_back(tx, vault, [one for _, one in fitting], new) if fitting else []
    for (parked, _), answer in zip(fitting, answers, strict=True):
        if isinstance(answer, ReturnNotPossible):
            await returns.bury(tx, parked, Reason(answer.code, answer.en))


async def _repeated(
    tx: Tx,
    vault: Vault,
    repeats: Sequence[_Draft],
    known: dict[OrderKey, Stored],
    first: dict[OrderKey, _Draft],
    outcomes: dict[str, Outcome],
    issuer: str,
) -> dict[str, Outcome]:
    """The first answer again for what was told before, or in which fields it differs."""
    differing = {
        draft.purchase_id: known[draft.key]
        for draft in repeats
        if draft.key in known and not _same(draft, known[draft.key])
    }
    lines = await purchases.lines_of(tx, (stored.purchase_id for stored in differing.values()))
    _, keys = await identities.find(tx, vault, (stored.identity_id for stored in differing.values()))
    answers: dict[str, Outcome] = {}
    for draft in repeats:
        stored = known.get(draft.key)
        if stored is None:  # its first telling in this batch was refused, and so is this one
            answers[draft.purchase_id] = outcomes[first[draft.key].purchase_id]
        elif issuer not in (SHOP, stored.issuer):
            answers[draft.purchase_id] = conflicting(OrderConflict, ["/source"])
        else:
            pointers: list[str] = []
            if draft.purchase_id in differing:
                pointers = _differences(draft, stored, lines[stored.purchase_id], keys)
            answers[draft.purchase_id] = conflicting(OrderConflict, pointers) if pointers else stored
    return answers


def _differences(draft: _Draft, stored: Stored, lines: Sequence[StoredLine], keys: Keys) -> list[str]:
    told, erased = draft.purchase, stored.customer_hash is None
    if erased:  # the names of its lines cannot be read any more, nor compared
        told = replace(told, lines=tuple(replace(line, name=None) for line in told.lines))
    pointers = rules.differences(told, purchases.told(stored, lines, keys))
    if not erased and stored.customer_hash != draft.customer_hash:
        pointers.append("/customer")
    return pointers


def _same(draft: _Draft, stored: Stored) -> bool:
    return draft.content_hash == stored.content_hash and stored.customer_hash == draft.customer_hash


def _unbelievable(draft: _Draft, tx: Tx) -> DomainError | None:
    try:
        rules.must_be_believable(draft.purchase.purchased_at, tx.now, "/purchased_at")
    except DomainError as refusal:
        return refusal
    return None


def _stored(tx: Tx, draft: _Draft, found: Found, issuer: str) -> Stored:
    purchase = draft.purchase
    return Stored(
        purchase_id=draft.purchase_id,
        source=purchase.source,
        order_id=purchase.order_id,
        issuer=issuer,
        identity_id=found.identity_id,
        customer_id=found.customer_id,
        purchased_at=purchase.purchased_at,
        currency=purchase.currency,
        amount_minor=purchase.amount_minor,
        channel=purchase.channel,
        store=purchase.store,
        content_hash=draft.content_hash,
        customer_hash=draft.customer_hash,
        unattached=list(found.unattached),
        booked_at=tx.now,
    )


def _recorded(purchase: Purchase, stored: Stored) -> PurchaseRecorded:
    return PurchaseRecorded(
        identity_id=stored.identity_id,
        customer_id=stored.customer_id,
        occurred_at=stored.purchased_at,
        cause=Cause(kind="purchase", id=stored.purchase_id),
        purchase_id=stored.purchase_id,
        source=stored.source,
        order_id=stored.order_id,
        currency=stored.currency,
        amount_minor=stored.amount_minor,
        channel=stored.channel,
        store=stored.store,
        lines=tuple(
            PurchaseLine(
                line=number,
                sku=line.sku,
                quantity=line.quantity,
                amount_minor=line.amount_minor,
                category=line.category,
                brand=line.brand,
            )
            for number, line in enumerate(purchase.lines, start=1)
        ),
    )


def _under_customer(refusal: DomainError) -> DomainError:
    """The refusal with its pointers into the `customer` of a purchase."""
    errors = [FieldError(f"/customer{one.pointer}", one.code, one.en, one.zh) for one in refusal.errors]
    return type(refusal)(errors=errors) if errors else refusal


_NOT_ITS_OWN = Reason(
    "return_conflict", "A return with this id is recorded already, or the purchase is another's."
)
