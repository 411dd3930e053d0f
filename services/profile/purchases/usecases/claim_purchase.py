"""Claim an anonymous purchase: from then on it is its customer's, as if it had always been known."""

from dataclasses import dataclass, replace

from services.profile.people.domain.customers import NamedCustomer
from services.profile.people.domain.identifiers import GivenIdentifiers
from services.profile.people.domain.resolution import Resolved
from services.profile.people.queries.ownership import issuer_and_owner_of, owners_of
from services.profile.people.refusals import CustomerNotFound, moved_below, refused_at
from services.profile.people.steps.resolve_customers import resolve_customers
from services.profile.purchases.domain import claims as rules
from services.profile.purchases.domain.claims import Claim
from services.profile.purchases.domain.purchases import is_large, too_much
from services.profile.purchases.refusals import CustomerTotalTooLarge, ReceiptNotFound, ReceiptTaken
from services.profile.purchases.steps.drafts import fact_of
from services.profile.purchases.steps.purchase_events import recorded_event, returned_event
from services.profile.purchases.storage import claim_tries, purchases, returns
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.settings import Settings
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Tx
from shared.errors import DomainError


@dataclass(frozen=True, slots=True)
class _Claimant:
    """The customer of a claim, and the issuer within which the receipt is looked for."""

    named: NamedCustomer
    issuer: str
    tries_of: str | None
    """The customer whose failed tries are counted: the one that asks. None if an operator or a partner asks."""


async def claim_purchase(
    tx: Tx, context: Context[Settings], claim: Claim, *, caller: Principal
) -> PurchaseRecord:
    """Give an anonymous purchase to its customer, publish it and its returns, and return it.

    A claim by the customer that has it since an earlier claim gets the same answer. Raises ClaimIncomplete,
    TooManyClaimTries, ReceiptNotFound, ReceiptTaken, ClaimTooLate, CustomerTotalTooLarge, and what a customer that
    cannot be taken raises.
    """
    rules.must_be_complete(claim, by_customer=caller.kind == "customer")
    claimant = await _claimant(tx, claim, caller)
    seen = await _find(tx, claim, claimant)
    resolved = await _resolve(tx, context, claimant, seen)
    purchase = (await purchases.find_locked(tx, [seen]))[seen.key]
    if purchase.identity_id is not None:
        await _must_have_claimed(tx, purchase, resolved)
        return purchase
    if caller.kind != "operator":
        rules.must_be_in_time(purchase.purchased_at, tx.now, context.settings.claim_window_days)
    await _must_be_countable(tx, purchase, resolved)
    claimed = replace(
        purchase,
        identity_id=resolved.identity_id,
        customer_id=resolved.customer_id,
        claimed_at=tx.now,
        unattached=resolved.unattached,
    )
    await purchases.claim(tx, claimed)
    await _publish(tx, claimed, resolved.customer_id)
    return claimed


async def _claimant(tx: Tx, claim: Claim, caller: Principal) -> _Claimant:
    """Return the customer of a claim. A customer claims for themselves, among the receipts of the issuer that brought them."""
    if caller.customer_id is None:
        assert claim.customer is not None, "the claim is complete"
        return _Claimant(claim.customer, caller.issuer, None)
    known = await issuer_and_owner_of(tx, caller.customer_id)
    if known is None:
        raise CustomerNotFound
    issuer, owner_id = known
    return _Claimant(NamedCustomer(caller.customer_id, GivenIdentifiers()), issuer, owner_id)


async def _find(tx: Tx, claim: Claim, claimant: _Claimant) -> PurchaseRecord:
    """Return the purchase that a claim proves to know. Raises TooManyClaimTries or ReceiptNotFound.

    An order that does not exist and a wrong proof give one answer, so that it tells nothing about order ids.
    """
    failed, since = 0, tx.now
    if claimant.tries_of is not None:
        tries = await claim_tries.lock(tx, claimant.tries_of)
        failed, since = rules.failures_that_count(tries.failed, tries.since, tx.now)
        rules.must_have_tries_left(failed, since, tx.now)
    key = claim.key(claimant.issuer)
    purchase = (await purchases.find(tx, [key])).get(key)
    if purchase is not None and rules.is_proven(claim, purchase.amount_minor, purchase.purchased_at):
        return purchase
    if claimant.tries_of is not None:
        await claim_tries.store(tx, claimant.tries_of, failed + 1, since if failed else tx.now)
    raise ReceiptNotFound


async def _resolve(
    tx: Tx, context: Context[Settings], claimant: _Claimant, purchase: PurchaseRecord
) -> Resolved:
    """Find or make the customer, as for a purchase that names them at once."""
    origin = (purchase.purchase_id, purchase.source, purchase.purchased_at)
    try:
        fact = fact_of(context, claimant.named, *origin, issuer=claimant.issuer)
    except DomainError as refusal:
        raise moved_below(refusal, "/customer") from None
    judged = [fact.record_id] if is_large(purchase.amount_minor) else []
    resolution = await resolve_customers(tx, context, [fact], issuer=claimant.issuer, judged=judged)
    (answer,) = resolution.answers
    if not isinstance(answer, Resolved):
        raise moved_below(answer, "/customer")
    return answer


async def _must_have_claimed(tx: Tx, purchase: PurchaseRecord, resolved: Resolved) -> None:
    """Refuse a purchase that another customer has, or that was recorded with a customer. Raises ReceiptTaken."""
    owner_id = (await owners_of(tx, [purchase.holder])).get(purchase.holder)
    if purchase.claimed_at is None or owner_id != resolved.customer_id:
        raise ReceiptTaken


async def _must_be_countable(tx: Tx, purchase: PurchaseRecord, resolved: Resolved) -> None:
    """Refuse a large purchase with which its customer's would add up to too much. Raises CustomerTotalTooLarge.

    The customer of a large purchase is locked, so of two orders at once the second one sees the first.
    """
    if is_large(purchase.amount_minor):
        totals = await purchases.totals(tx, [resolved.identity_id])
        if too_much(totals, resolved.identity_id, purchase.amount_minor):
            raise refused_at(CustomerTotalTooLarge, "/order_id")


async def _publish(tx: Tx, purchase: PurchaseRecord, customer_id: str) -> None:
    """Publish a purchase and its returns, which were not published while it was anonymous."""
    lines = await purchases.lines_of(tx, [purchase.purchase_id])
    tx.publish(recorded_event(purchase, lines[purchase.purchase_id]))
    returned = await returns.of_purchase(tx, purchase.purchase_id)
    tx.publish(*(returned_event(recorded, purchase, customer_id) for recorded in returned))
