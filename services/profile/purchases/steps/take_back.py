"""Take units of purchases back: decide which, store them, and tell the others."""

from collections.abc import Mapping, Sequence

from services.profile.people.storage import identities
from services.profile.purchases.domain import returns as rules
from services.profile.purchases.domain.returns import Allotted, Left
from services.profile.purchases.refusals import ReturnNotPossible
from services.profile.purchases.storage import purchases, returns
from services.profile.purchases.storage.purchases import OrderKey, Stored
from services.profile.purchases.storage.returns import StoredReturn, WaitingReturn
from shared.db import Tx
from shared.events.base import Cause
from shared.events.profile import PurchaseReturned, ReturnedLine
from shared.pacing import paced
from shared.vault import Vault


class Overtaken(Exception):
    """Another transaction has recorded the same order or return since this one looked."""


async def take_back(
    tx: Tx, vault: Vault, wanted: Sequence[WaitingReturn], bought: Mapping[OrderKey, Stored]
) -> list[StoredReturn | ReturnNotPossible]:
    """Apply returns in order to purchases that this transaction has locked, or made itself.

    A return that does not fit is answered with its refusal and its neighbours apply. Raises Overtaken when another
    transaction has just recorded one of them: undo the savepoint and look again.
    """
    purchase_ids = [bought[one.order].purchase_id for one in wanted]
    lines = await purchases.lines_of(tx, purchase_ids)
    left = {purchase: {line.line: line.left for line in found} for purchase, found in lines.items()}
    owners = await identities.owners(tx, (bought[one.order].identity_id for one in wanted))
    answers: list[StoredReturn | ReturnNotPossible] = []
    async for one in paced(wanted):
        purchase = bought[one.order]
        try:
            allotted = rules.allot(one.told.lines, left[purchase.purchase_id])
        except ReturnNotPossible as refusal:
            answers.append(refusal)
            continue
        _subtract(left[purchase.purchase_id], allotted)
        answers.append(_stored(tx, vault, one, purchase, owners[purchase.identity_id], allotted))
    stored = [answer for answer in answers if isinstance(answer, StoredReturn)]
    if not await returns.insert(tx, stored):
        raise Overtaken
    counts = {
        (one.purchase_id, line.line): left[one.purchase_id][line.line].returned_quantity
        for one in stored
        for line in one.lines
    }
    await purchases.count_returned(tx, counts)
    tx.publish(*(_returned(one, bought[one.source, one.order_id]) for one in stored))
    return answers


def _subtract(left: dict[int, Left], allotted: Sequence[Allotted]) -> None:
    for units in allotted:
        before = left[units.line]
        left[units.line] = Left(
            before.quantity, before.amount_minor, before.returned_quantity + units.quantity
        )


def _stored(
    tx: Tx, vault: Vault, one: WaitingReturn, purchase: Stored, owner: str, allotted: Sequence[Allotted]
) -> StoredReturn:
    return StoredReturn(
        return_id=one.return_id,
        source=one.told.source,
        source_return_id=one.told.return_id,
        issuer=one.issuer,
        purchase_id=purchase.purchase_id,
        identity_id=purchase.identity_id,
        customer_id=owner,
        returned_at=one.told.returned_at,
        amount_minor=sum(units.amount_minor for units in allotted),
        content_hash=vault.digest("return_content", rules.content(one.told)),
        booked_at=tx.now,
        order_id=purchase.order_id,
        currency=purchase.currency,
        lines=tuple(allotted),
    )


def _returned(stored: StoredReturn, purchase: Stored) -> PurchaseReturned:
    return PurchaseReturned(
        identity_id=stored.identity_id,
        customer_id=stored.customer_id,
        occurred_at=stored.returned_at,
        cause=Cause(kind="return", id=stored.return_id),
        return_id=stored.return_id,
        purchase_id=stored.purchase_id,
        source=purchase.source,
        order_id=purchase.order_id,
        purchased_at=purchase.purchased_at,
        currency=purchase.currency,
        amount_minor=stored.amount_minor,
        lines=tuple(
            ReturnedLine(
                line=units.line,
                quantity=units.quantity,
                unit_from=units.unit_from,
                unit_to=units.unit_to,
                amount_minor=units.amount_minor,
            )
            for units in stored.lines
        ),
    )
