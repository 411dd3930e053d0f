"""Translate purchases and returns from the words of the contract into those of the domain."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from services.scoring.facts.domain.facts import (
    ItemisedPurchase,
    ItemisedReturn,
    Purchase,
    PurchaseLine,
    Return,
    ReturnedUnits,
)
from services.scoring.facts.refusals import UNITS_MAX, TooManyUnits
from services.scoring.facts.usecases.record_purchases import record_purchases
from services.scoring.facts.usecases.record_returns import record_returns
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events import profile
from shared.events.profile import PurchaseRecorded, PurchaseReturned
from shared.local_time import local_day


async def purchase_recorded(tx: Tx, context: Context[Settings], events: Sequence[PurchaseRecorded]) -> None:
    """Record purchases; their days are counted in the shop's zone."""
    zone = context.settings.time_zone
    await record_purchases(tx, context, [_purchase(event, zone) for event in events])


async def purchase_returned(tx: Tx, context: Context[Settings], events: Sequence[PurchaseReturned]) -> None:
    """Record returns; their days are counted in the shop's zone."""
    zone = context.settings.time_zone
    await record_returns(tx, context, [_return(event, zone) for event in events])


def _purchase(event: PurchaseRecorded, zone: ZoneInfo) -> ItemisedPurchase:
    purchase = Purchase(
        purchase_id=event.purchase_id,
        identity_id=event.identity_id,
        occurred_at=event.occurred_at,
        day=local_day(event.occurred_at, zone),
        currency=event.currency,
        amount_minor=event.amount_minor,
        units=_units(event.lines),
    )
    lines = tuple(
        PurchaseLine(line.line, line.sku, line.category, line.quantity, line.amount_minor)
        for line in event.lines
    )
    return ItemisedPurchase(purchase, lines)


def _return(event: PurchaseReturned, zone: ZoneInfo) -> ItemisedReturn:
    returned = Return(
        return_id=event.return_id,
        purchase_id=event.purchase_id,
        identity_id=event.identity_id,
        occurred_at=event.occurred_at,
        day=local_day(event.occurred_at, zone),
        amount_minor=event.amount_minor,
        units=_units(event.lines),
    )
    lines = tuple(
        ReturnedUnits(line.line, line.unit_from, line.unit_to, line.amount_minor) for line in event.lines
    )
    return ItemisedReturn(returned, lines)


def _units(lines: Sequence[profile.PurchaseLine | profile.ReturnedLine]) -> int:
    units = sum(line.quantity for line in lines)
    if units > UNITS_MAX:
        raise TooManyUnits(most=UNITS_MAX)
    return units
