"""Record purchases, once each, with the customers that they belong to; one without a customer is anonymous."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.profile.people.domain.resolution import Fact, Resolved
from services.profile.people.refusals import TooMuchContention, moved_below, refused_at
from services.profile.people.steps.resolve_customers import (
    CustomersOfFacts,
    Foresight,
    look_up_customers,
)
from services.profile.purchases.domain import purchases as rules
from services.profile.purchases.domain.purchases import OrderKey, Purchase
from services.profile.purchases.refusals import CustomerTotalTooLarge
from services.profile.purchases.steps.answer_repeats import answer_repeats
from services.profile.purchases.steps.apply_returns import Overtaken
from services.profile.purchases.steps.apply_waiting_returns import apply_waiting_returns
from services.profile.purchases.steps.drafts import Draft, draft_of
from services.profile.purchases.steps.purchase_events import recorded_event
from services.profile.purchases.storage import purchases, waiting_returns
from services.profile.purchases.storage.tables import PurchaseLineRecord, PurchaseRecord
from services.profile.settings import Settings
from shared.context import Context
from shared.db import Tx, locks
from shared.errors import DomainError
from shared.limits import BATCH_ITEMS_MAX
from shared.pacing import paced
from shared.vault import Keys

ATTEMPTS_MAX = 5
"""The most attempts at a batch; a new one begins when another transaction recorded one of its orders meanwhile."""

Outcome = PurchaseRecord | DomainError
"""A purchase as recorded, now or before; or why it was refused."""


async def record_purchases(
    tx: Tx, context: Context[Settings], reported: Sequence[Purchase], *, issuer: str
) -> list[Outcome]:
    """Record purchases that `issuer` reports, and return one outcome per purchase; refusals leave the others alone.

    A purchase that was recorded before gets its first answer again, or a conflict that names what differs.
    """
    assert len(reported) <= BATCH_ITEMS_MAX, "the edge bounds its batches"
    prepared = [draft_of(context, purchase, issuer=issuer) async for purchase in paced(reported)]
    drafts = [draft for draft in prepared if isinstance(draft, Draft)]
    await locks.rendezvous(tx, (waiting_returns.awaited(draft.key) for draft in drafts))
    outcomes = await _record(tx, context, drafts, issuer)
    return [outcomes[draft.purchase_id] if isinstance(draft, Draft) else draft for draft in prepared]


async def _record(
    tx: Tx, context: Context[Settings], drafts: Sequence[Draft], issuer: str
) -> dict[str, Outcome]:
    """Return the outcomes by the drafts' purchase ids; begin again while others record the same orders."""
    for _ in range(ATTEMPTS_MAX):
        try:
            async with tx.savepoint():
                return await _attempt(tx, context, drafts, issuer)
        except Overtaken:
            continue
    raise TooMuchContention


async def _attempt(
    tx: Tx, context: Context[Settings], drafts: Sequence[Draft], issuer: str
) -> dict[str, Outcome]:
    """Record the first draft of each new order that is not refused, and answer the others.

    A draft of an order that is recorded, before or by this batch, is a repeat: its own faults are not looked for.
    """
    recorded = await purchases.find(tx, (draft.key for draft in drafts))
    unrecorded = [draft for draft in drafts if draft.key not in recorded]
    outcomes: dict[str, Outcome] = {}
    if unrecorded:
        admission = await _admit(tx, context, unrecorded, issuer)
        new = await _record_new(tx, context, admission, issuer)
        outcomes |= admission.refusals
        outcomes |= {record.purchase_id: record for record in new.values()}
        recorded |= new
    repeats = [draft for draft in drafts if draft.purchase_id not in outcomes]
    return outcomes | await answer_repeats(tx, context, repeats, recorded)


@dataclass(frozen=True, slots=True)
class _Admission:
    """The drafts of a batch that are recorded, one of each order; and the refusals of others, by their purchase ids."""

    new: Sequence[Draft]
    refusals: Mapping[str, DomainError]
    customers: CustomersOfFacts


async def _admit(tx: Tx, context: Context[Settings], drafts: Sequence[Draft], issuer: str) -> _Admission:
    """Decide which drafts of orders that are not recorded yet are recorded. Nothing is stored.

    Every refusal of a draft is decided here, one draft after the other. A refused draft leaves nothing: the drafts
    behind it are answered as if they had come without it, also one of the same order.
    """
    since = context.settings.purchases_since
    refusals = {
        draft.purchase_id: refusal
        for draft in drafts
        if (refusal := _unbelievable(tx, draft, since)) is not None
    }
    believable = [draft for draft in drafts if draft.purchase_id not in refusals]
    customers = await look_up_customers(tx, context, _facts(believable), issuer=issuer)
    foresight, has_large = customers.foresight(), _has_large(believable)
    totals = await _totals(tx, believable, customers.looked_up)
    new: dict[OrderKey, Draft] = {}
    async for draft in paced(drafts):
        if draft.key in new:
            refusals.pop(draft.purchase_id, None)
        elif draft.purchase_id not in refusals:
            refusal = _refusal_for_customer(draft, customers, foresight, totals)
            if refusal is not None:
                refusals[draft.purchase_id] = refusal
                continue
            new[draft.key] = draft
            if has_large and draft.fact is not None:
                totals[foresight.identity_of(draft.fact)] += draft.amount_minor
                foresight.take(draft.fact)
    return _Admission(list(new.values()), refusals, customers)


def _refusal_for_customer(
    draft: Draft, customers: CustomersOfFacts, foresight: Foresight, totals: Mapping[str, int]
) -> DomainError | None:
    """Return why a draft cannot be its customer's; None if it can, or if it has no customer."""
    if draft.fact is None:
        return None
    if (refusal := customers.refusal(draft.fact)) is not None:
        return moved_below(refusal, "/customer")
    if rules.is_large(draft.amount_minor):
        identity_id = foresight.identity_of(draft.fact)
        if rules.too_much(totals, identity_id, draft.amount_minor):
            return refused_at(CustomerTotalTooLarge, "/lines")
    return None


async def _record_new(
    tx: Tx, context: Context[Settings], admission: _Admission, issuer: str
) -> dict[OrderKey, PurchaseRecord]:
    """Store new purchases, publish them, and apply the returns that waited for them. Raises Overtaken."""
    drafts = admission.new
    if not drafts:
        return {}
    named = [draft for draft in drafts if draft.fact is not None]
    large = {draft.purchase_id for draft in named if rules.is_large(draft.amount_minor)}
    answers = await admission.customers.resolve(_facts(named), judged=large)
    await _must_be_countable_still(tx, named, answers)
    resolved = {draft.purchase_id: answer for draft, answer in zip(named, answers, strict=True)}
    records = [_purchase(tx, draft, resolved.get(draft.purchase_id), issuer) for draft in drafts]
    new = {record.key: record for record in records}
    if not await purchases.insert(tx, records):
        raise Overtaken
    keys = admission.customers.keys
    pairs = zip(drafts, records, strict=True)
    stored = [(record, _lines(draft, record, keys)) async for draft, record in paced(list(pairs))]
    await purchases.insert_lines(tx, [line for _, lines in stored for line in lines])
    of_customers = [(record, lines) for record, lines in stored if record.identity_id is not None]
    tx.publish(*[recorded_event(record, lines) async for record, lines in paced(of_customers)])
    await apply_waiting_returns(tx, context, new)
    return new


async def _must_be_countable_still(tx: Tx, drafts: Sequence[Draft], answers: Sequence[Resolved]) -> None:
    """Look again at the customers of large orders, which are locked now. Raises Overtaken.

    Since the drafts were admitted another transaction may have recorded an order of such a customer, or given it an
    identifier, so that the order is of another customer than was foreseen.
    """
    if not _has_large(drafts):
        return
    judged = {
        answer.identity_id
        for draft, answer in zip(drafts, answers, strict=True)
        if rules.is_large(draft.amount_minor)
    }
    totals = await _totals(tx, drafts, judged)
    for draft, answer in zip(drafts, answers, strict=True):
        if rules.too_much(totals, answer.identity_id, draft.amount_minor):
            raise Overtaken
        totals[answer.identity_id] += draft.amount_minor


def _facts(drafts: Sequence[Draft]) -> list[Fact]:
    """Return the facts about the customers of the drafts that name one."""
    return [draft.fact for draft in drafts if draft.fact is not None]


async def _totals(tx: Tx, drafts: Sequence[Draft], identity_ids: Collection[str]) -> defaultdict[str, int]:
    """Return what the purchases of identities add up to; 0 for each, without a look, if no order is large."""
    looks = _has_large(drafts) and identity_ids
    return defaultdict(int, await purchases.totals(tx, identity_ids) if looks else {})


def _has_large(drafts: Sequence[Draft]) -> bool:
    """Return whether an order is large. If none is, no total can be too much, and nothing needs to be added up."""
    return any(rules.is_large(draft.amount_minor) for draft in drafts)


def _unbelievable(tx: Tx, draft: Draft, since: datetime) -> DomainError | None:
    """Return why the amount or the date of a purchase cannot be believed; None if they can."""
    try:
        rules.must_be_countable(draft.amount_minor)
        rules.must_be_believable(draft.purchase.purchased_at, tx.now, "/purchased_at", since)
    except DomainError as refusal:
        return refusal
    return None


def _purchase(tx: Tx, draft: Draft, resolved: Resolved | None, issuer: str) -> PurchaseRecord:
    """Return the row of a new purchase; without an identity for None."""
    purchase = draft.purchase
    return PurchaseRecord(
        purchase_id=draft.purchase_id,
        source=purchase.source,
        order_id=purchase.order_id,
        issuer=issuer,
        identity_id=resolved.identity_id if resolved else None,
        customer_id=resolved.customer_id if resolved else None,
        claimed_at=None,
        purchased_at=purchase.purchased_at,
        currency=purchase.currency,
        amount_minor=draft.amount_minor,
        channel=purchase.channel,
        store=purchase.store,
        content_hash=draft.content_hash,
        customer_hash=draft.customer_hash,
        unattached=resolved.unattached if resolved else (),
        booked_at=tx.now,
    )


def _lines(draft: Draft, record: PurchaseRecord, keys: Keys) -> list[PurchaseLineRecord]:
    return [
        PurchaseLineRecord(
            purchase_id=record.purchase_id,
            line=number,
            sku=line.sku,
            quantity=line.quantity,
            amount_minor=line.amount_minor,
            category=line.category,
            brand=line.brand,
            name=purchases.seal_name(keys, record.identity_id, line.name),
            returned_quantity=0,
        )
        for number, line in enumerate(draft.purchase.lines, start=1)
    ]
