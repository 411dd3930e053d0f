"""Read purchases. Their `customer_id` is the customer that they belong to now, not the one at recording."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.profile.people.queries.ownership import (
    ids_shown,
    issuer_seen_by,
    owner_and_keys_of,
    owner_of,
    owners_of,
)
from services.profile.purchases.domain.purchases import PurchaseSelection
from services.profile.purchases.domain.returns import ReturnSelection
from services.profile.purchases.storage import purchases, returns
from services.profile.purchases.storage.returns import RecordedReturn
from services.profile.purchases.storage.tables import PurchaseLineRecord, PurchaseRecord, ReturnRecord
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Read, Slice, Sorts


@dataclass(frozen=True, slots=True)
class NamedLine:
    """A line of a purchase with its name, readable; None if it has none, or its customer was erased."""

    record: PurchaseLineRecord
    name: str | None


@dataclass(frozen=True, slots=True)
class ItemisedPurchase:
    """A purchase with its lines."""

    record: PurchaseRecord
    lines: Sequence[NamedLine]


async def find_purchase(read: Read, context: Context, purchase_id: str) -> ItemisedPurchase | None:
    """Return a purchase with its lines; None if there is none with this id."""
    purchase = await purchases.find_by_id(read, purchase_id)
    if purchase is None:
        return None
    lines = (await purchases.lines_of(read, [purchase_id]))[purchase_id]
    if purchase.identity_id is None:
        return ItemisedPurchase(purchase, [NamedLine(line, None) for line in lines])
    owner_id, keys = await owner_and_keys_of(read, context, purchase.identity_id)
    named = [NamedLine(line, purchases.open_name(keys, purchase.identity_id, line)) for line in lines]
    return ItemisedPurchase(replace(purchase, customer_id=owner_id), named)


async def find_return(read: Read, return_id: str) -> RecordedReturn | None:
    """Return a return, with the identity and the owner that its purchase has now; None if none has this id."""
    recorded = await returns.find_by_id(read, return_id)
    if recorded is None:
        return None
    purchase = await purchases.find_by_id(read, recorded.record.purchase_id)
    assert purchase is not None, "a return is of a purchase"
    owners = await owners_of(read, [purchase.identity_id] if purchase.identity_id else [])
    owner_id = owners.get(purchase.identity_id) if purchase.identity_id else None
    record = replace(recorded.record, identity_id=purchase.identity_id, customer_id=owner_id)
    return replace(recorded, record=record)


async def list_purchases(
    read: Read, selection: PurchaseSelection, asked: Slice, sorts: Sorts = purchases.SORTS
) -> list[PurchaseRecord]:
    """Return a page of purchases. Each has the owner that its identity has now."""
    page = await purchases.page(read, selection, asked, sorts)
    owners = await owners_of(read, (row.identity_id for row in page if row.identity_id is not None))
    return [
        replace(purchase, customer_id=owners[purchase.identity_id]) if purchase.identity_id else purchase
        for purchase in page
    ]


async def list_returns(read: Read, selection: ReturnSelection, asked: Slice) -> list[RecordedReturn]:
    """Return a page of returns. Each has the identity and the owner that its purchase has now."""
    page = await returns.page(read, selection, asked)
    identity_ids = (row.record.identity_id for row in page)
    owners = await owners_of(read, (identity_id for identity_id in identity_ids if identity_id is not None))
    return [
        replace(
            recorded,
            record=replace(recorded.record, customer_id=owners.get(recorded.record.identity_id or "")),
        )
        for recorded in page
    ]


async def is_seen_by(read: Read, caller: Principal, record: PurchaseRecord | ReturnRecord) -> bool:
    """Return whether a caller may see a purchase or a return: a partner what it reported, a customer what is their own."""
    if issuer_seen_by(caller) not in (None, record.issuer):
        return False
    if caller.customer_id is None:
        return True
    own = await owner_of(read, caller.customer_id, issuer_seen_by(caller))
    return own is not None and own == record.customer_id


async def customers_shown(
    read: Read, caller: Principal, records: Iterable[PurchaseRecord | ReturnRecord]
) -> Mapping[str | None, str | None]:
    """Return the customer's id that a caller is shown for the identity of each of these records, and None for none."""
    owners = {
        record.identity_id: record.customer_id
        for record in records
        if record.identity_id is not None and record.customer_id is not None
    }
    shown: dict[str | None, str | None] = {None: None}
    shown.update(await ids_shown(read, caller, owners))
    return shown
