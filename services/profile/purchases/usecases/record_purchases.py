"""Record purchases, once each, with the customers that they belong to; one without a customer is anonymous."""

from collections import defaultdict
from collections.abc import Sequence

from services.profile.people.domain.resolution import Fact, Resolved
from services.profile.people.refusals import TooMuchContention, moved_below, refused_at
from services.profile.people.steps.resolve_customers import refusals_of, resolve_customers
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
from shared.limits import BATCH_ITEMS_MAX, LARGE_ORDER_AMOUNT
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
    """Record the first draft of each new order, and answer the others as repeats of what is recorded then."""
    recorded = await purchases.find(tx, (draft.key for draft in drafts))
    reported = [draft for draft in drafts if draft.key not in recorded]
    refusals = await _refusals(tx, context, reported, issuer)
    outcomes: dict[str, Outcome] = {}
    new: dict[OrderKey, Draft] = {}
    for draft in reported:
        if draft.key not in new and draft.purchase_id in refusals:
            outcomes[draft.purchase_id] = refusals[draft.purchase_id]
        else:
            new.setdefault(draft.key, draft)
    answers = await _record_new(tx, context, list(new.values()), issuer) if new else {}
    outcomes |= {new[key].purchase_id: answer for key, answer in answers.items()}
    recorded |= {key: answer for key, answer in answers.items() if isinstance(answer, PurchaseRecord)}
    others = [draft for draft in drafts if draft.purchase_id not in outcomes]
    outcomes |= {draft.purchase_id: answers[draft.key] for draft in others if draft.key not in recorded}
    repeats = [draft for draft in others if draft.key in recorded]
    return outcomes | await answer_repeats(tx, context, repeats, recorded)


async def _record_new(
    tx: Tx, context: Context[Settings], drafts: Sequence[Draft], issuer: str
) -> dict[OrderKey, Outcome]:
    """Store new purchases, publish them, and apply the returns that waited for them. Raises Overtaken."""
    named = [draft for draft in drafts if draft.fact is not None]
    resolution = await resolve_customers(tx, context, _facts(named), issuer=issuer)
    refusals: dict[OrderKey, Outcome] = {}
    recordable = [(draft, _purchase(tx, draft, None, issuer)) for draft in drafts if draft.fact is None]
    totals = await _totals(tx, named, resolution.answers)
    for draft, answer in zip(named, resolution.answers, strict=True):
        if not isinstance(answer, Resolved):
            refusals[draft.key] = moved_below(answer, "/customer")
        elif rules.too_much(totals, answer.identity_id, draft.amount_minor):
            refusals[draft.key] = refused_at(CustomerTotalTooLarge, "/lines")
        else:
            totals[answer.identity_id] += draft.amount_minor
            recordable.append((draft, _purchase(tx, draft, answer, issuer)))
    new = {record.key: record for _, record in recordable}
    if not await purchases.insert(tx, list(new.values())):
        raise Overtaken
    stored = [(record, _lines(draft, record, resolution.keys)) async for draft, record in paced(recordable)]
    await purchases.insert_lines(tx, [line for _, lines in stored for line in lines])
    told = [(record, lines) for record, lines in stored if record.identity_id is not None]
    tx.publish(*[recorded_event(record, lines) async for record, lines in paced(told)])
    await apply_waiting_returns(tx, context, new)
    return refusals | new


async def _refusals(
    tx: Tx, context: Context[Settings], drafts: Sequence[Draft], issuer: str
) -> dict[str, Outcome]:
    """Return the drafts that are refused for what they say themselves, by the id of the purchase that each would be.

    A purchase that names a customer who cannot be taken is refused when it is recorded. It is looked for here if an
    order was reported more than once: then the next report of the order is recorded, as if it had come alone.
    """
    outcomes: dict[str, Outcome] = {}
    for draft in drafts:
        if (refusal := _unbelievable(tx, context, draft)) is not None:
            outcomes[draft.purchase_id] = refusal
    remaining = [draft for draft in drafts if draft.purchase_id not in outcomes]
    if len({draft.key for draft in drafts}) < len(drafts):
        named = [draft for draft in remaining if draft.fact is not None]
        refusals = await refusals_of(tx, context, _facts(named), issuer=issuer)
        for draft, refusal in zip(named, refusals, strict=True):
            if refusal is not None:
                outcomes[draft.purchase_id] = moved_below(refusal, "/customer")
    return outcomes


def _facts(drafts: Sequence[Draft]) -> list[Fact]:
    """Return the facts about the customers of the drafts that name one."""
    return [draft.fact for draft in drafts if draft.fact is not None]


async def _totals(
    tx: Tx, drafts: Sequence[Draft], answers: Sequence[Resolved | DomainError]
) -> defaultdict[str, int]:
    """Return what the purchases of each identity with a large order add up to; 0 for the others, without a look."""
    resolved = zip(drafts, answers, strict=True)
    identity_ids = {
        answer.identity_id
        for draft, answer in resolved
        if isinstance(answer, Resolved) and draft.amount_minor >= LARGE_ORDER_AMOUNT
    }
    return defaultdict(int, await purchases.totals(tx, identity_ids) if identity_ids else {})


def _unbelievable(tx: Tx, context: Context[Settings], draft: Draft) -> DomainError | None:
    """Return why the amount or the date of a purchase cannot be believed; None if they can."""
    try:
        rules.must_be_countable(draft.amount_minor)
        rules.must_be_believable(
            draft.purchase.purchased_at, tx.now, "/purchased_at", context.settings.purchases_since
        )
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
