"""Purchases and returns, from the words of the contract into those of the domain."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from services.scoring.domain.facts import Purchase, Return
from services.scoring.domain.statements import local_day
from services.scoring.settings import Settings
from services.scoring.storage.facts import PurchaseRow, ReturnRow
from services.scoring.usecases.record_purchases import record_purchases
from services.scoring.usecases.record_returns import record_returns
from shared.context import Context
from shared.db import Tx
from shared.errors import DomainError, Kind
from shared.events.profile import PurchaseLine, PurchaseRecorded, PurchaseReturned, ReturnedLine
from shared.limits import INT64_MAX


class TooManyUnits(DomainError):
    """More units than any database can count."""

    kind, code = Kind.INVALID, "too_many_units"


async def recorded(tx: Tx, context: Context[Settings], events: Sequence[PurchaseRecorded]) -> None:
    """Take in recorded purchases, their days counted in `zone`."""
    await record_purchases(
        tx, [_purchase(event, context.settings.time_zone) for event in events], context.settings.time_zone
    )


async def returned(tx: Tx, context: Context[Settings], events: Sequence[PurchaseReturned]) -> None:
    """Take in returns, their days counted in `zone`."""
    await record_returns(
        tx, [_return(event, context.settings.time_zone) for event in events], context.settings.time_zone
    )


def _purchase(event: PurchaseRecorded, zone: ZoneInfo) -> PurchaseRow:
    fact = Purchase(
        purchase_id=event.purchase_id,
        identity_id=event.identity_id,
        occurred_at=event.occurred_at,
        day=local_day(event.occurred_at, zone),
        currency=event.currency,
        amount_minor=event.amount_minor,
        units=_units(event.lines),
    )
    return PurchaseRow(
        fact, [[line.line, line.sku, line.category, line.quantity, line.amount_minor] for line in event.lines]
    )


def _return(event: PurchaseReturned, zone: ZoneInfo) -> ReturnRow:
    fact = Return(
        return_id=event.return_id,
        purchase_id=event.purchase_id,
        identity_id=event.identity_id,
        occurred_at=event.occurred_at,
        day=local_day(event.occurred_at, zone),
        amount_minor=event.amount_minor,
        units=_units(event.lines),
    )
    return ReturnRow(
        fact, [[line.line, line.unit_from, line.unit_to, line.amount_minor] for line in event.lines]
    )


def _units(lines: Sequence[PurchaseLine | ReturnedLine]) -> int:
    units = sum(line.quantity for line in lines)
    if units > INT64_MAX:
        raise TooManyUnits(most=INT64_MAX)
    return units
