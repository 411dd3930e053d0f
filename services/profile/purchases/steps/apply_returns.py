"""Apply returns to their purchases: decide which units go back, store them, and publish them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.profile.people.queries.ownership import owners_of
from services.profile.purchases.domain import returns as rules
from services.profile.purchases.domain.purchases import OrderKey
from services.profile.purchases.domain.returns import ReturnedUnits, WaitingReturn
from services.profile.purchases.refusals import ReturnNotPossible
from services.profile.purchases.steps.purchase_events import returned_event
from services.profile.purchases.storage import purchases, returns
from services.profile.purchases.storage.returns import RecordedReturn
from services.profile.purchases.storage.tables import (
    PurchaseLineRecord,
    PurchaseRecord,
    ReturnLineRecord,
    ReturnRecord,
)
from shared.context import Context
from shared.db import Tx
from shared.pacing import paced


class Overtaken(Exception):
    """Another transaction has recorded the same order or return since this one looked."""


async def apply_returns(
    tx: Tx,
    context: Context,
    waiting_returns: Sequence[WaitingReturn],
    bought: Mapping[OrderKey, PurchaseRecord],
) -> list[RecordedReturn | ReturnNotPossible]:
    """Apply returns, in order, to purchases that this transaction has locked or recorded itself.

    A return of an anonymous purchase is published when the purchase is claimed. A return that does not fit is answered
    with its refusal, and its neighbours apply. Raises Overtaken when another transaction has just recorded one of the
    returns: undo the savepoint and look again.
    """
    lines = _Lines(
        await purchases.lines_of(tx, (bought[waiting.order].purchase_id for waiting in waiting_returns))
    )
    identity_ids = (bought[waiting.order].identity_id for waiting in waiting_returns)
    owners = await owners_of(tx, (identity_id for identity_id in identity_ids if identity_id is not None))
    answers: list[RecordedReturn | ReturnNotPossible] = []
    async for waiting in paced(waiting_returns):
        purchase = bought[waiting.order]
        try:
            rules.must_follow(waiting.reported.returned_at, purchase.purchased_at)
            units = lines.take(purchase.purchase_id, waiting)
        except ReturnNotPossible as refusal:
            answers.append(refusal)
            continue
        owner_id = owners[purchase.identity_id] if purchase.identity_id is not None else None
        record = _record(tx, context, waiting, purchase, owner_id, units)
        answers.append(RecordedReturn(record, tuple(_line(record, line_units) for line_units in units)))
    recorded = [answer for answer in answers if isinstance(answer, RecordedReturn)]
    if not await returns.insert(tx, recorded):
        raise Overtaken
    await purchases.count_returned(tx, lines.changed.values())
    tx.publish(
        *(
            returned_event(answer, bought[answer.reported.order(answer.issuer)], answer.record.customer_id)
            for answer in recorded
            if answer.record.customer_id is not None
        )
    )
    return answers


class _Lines:
    """The lines of the purchases of one batch, with the units that are left of them."""

    def __init__(self, lines: Mapping[str, Sequence[PurchaseLineRecord]]) -> None:
        self._lines = {
            purchase_id: {record.line: record for record in records} for purchase_id, records in lines.items()
        }
        self.changed: dict[tuple[str, int], PurchaseLineRecord] = {}
        """The lines of which units went back, as they are now."""

    def take(self, purchase_id: str, waiting: WaitingReturn) -> list[ReturnedUnits]:
        """Take the units of a return from the lines of its purchase. Raises ReturnNotPossible."""
        lines = self._lines[purchase_id]
        units = rules.allot(waiting.reported.lines, lines)
        for line_units in units:
            line = lines[line_units.line]
            line = replace(line, returned_quantity=line.returned_quantity + line_units.quantity)
            lines[line.line] = self.changed[purchase_id, line.line] = line
        return units


def _record(
    tx: Tx,
    context: Context,
    waiting: WaitingReturn,
    purchase: PurchaseRecord,
    owner_id: str | None,
    units: Sequence[ReturnedUnits],
) -> ReturnRecord:
    reported = waiting.reported
    return ReturnRecord(
        return_id=waiting.return_id,
        source=reported.source,
        source_return_id=reported.return_id,
        issuer=waiting.issuer,
        order_id=reported.order_id,
        purchase_id=purchase.purchase_id,
        identity_id=purchase.identity_id,
        customer_id=owner_id,
        returned_at=reported.returned_at,
        currency=purchase.currency,
        amount_minor=sum(line_units.amount_minor for line_units in units),
        content_hash=context.vault.digest("return_content", rules.content(reported)),
        booked_at=tx.now,
    )


def _line(record: ReturnRecord, units: ReturnedUnits) -> ReturnLineRecord:
    return ReturnLineRecord(
        return_id=record.return_id,
        line=units.line,
        purchase_id=record.purchase_id,
        quantity=units.quantity,
        unit_from=units.unit_from,
        unit_to=units.unit_to,
        amount_minor=units.amount_minor,
    )
