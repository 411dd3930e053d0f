"""Find holds that a caller may know of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.loyalty.checkout.domain.states import HoldState
from services.loyalty.checkout.refusals import UnknownHold
from services.loyalty.checkout.storage import carts
from services.loyalty.checkout.storage.tables import CheckoutRecord, HeldCartRecord
from services.loyalty.coupons.queries.codes_of_holds import HeldCode, codes_of_holds
from services.loyalty.ledger.domain.wallets import HoldEnd
from services.loyalty.ledger.queries import holds
from services.loyalty.ledger.queries.holds import HoldRecord, HoldSelection
from services.loyalty.ledger.queries.known_to import customers_shown, may_know
from shared.auth.principal import Principal
from shared.db import Read, Slice


@dataclass(frozen=True, slots=True)
class FoundHold:
    """A hold with its cart, and what it was committed for (None: it was not)."""

    record: HoldRecord
    cart: HeldCartRecord
    checkout: CheckoutRecord | None
    customer_id: str
    """The customer that the caller is shown."""
    codes: Sequence[HeldCode]
    """The codes that it holds, or held."""

    def state_at(self, now: datetime) -> HoldState:
        """Return its state, whether or not its end is booked."""
        if self.record.ended_as is not None:
            return HoldState(self.record.ended_as)
        return HoldState.OPEN if now < self.record.expires_at else HoldState.EXPIRED

    def ended_at(self, now: datetime) -> datetime | None:
        """Return when it ended; None: it is open."""
        is_over = self.record.ended_at is None and self.record.expires_at <= now
        return self.record.expires_at if is_over else self.record.ended_at


async def admit(read: Read, caller: Principal, row_id: int | None) -> HoldRecord:
    """Return the row of the hold with this id, if the caller may know of it.

    A customer may know of those for their own points, a partner of those that it asked for. Raises UnknownHold.
    """
    records = [] if row_id is None else await holds.by_ids(read, [row_id])
    if not records or not await may_know(read, caller, records[0]):
        raise UnknownHold
    return records[0]


async def find_hold(read: Read, caller: Principal, row_id: int | None) -> FoundHold:
    """Return the hold with this row id, with everything that belongs to it, if the caller may know of it. Raises UnknownHold."""
    return (await _with_carts(read, caller, [await admit(read, caller, row_id)]))[0]


async def list_holds(
    read: Read, caller: Principal, selection: HoldSelection, asked: Slice, now: datetime
) -> list[FoundHold]:
    """Return a page of the holds that a selection names, in the states that they are in at `now`."""
    return await _with_carts(read, caller, await holds.page(read, selection, asked, now))


async def _with_carts(read: Read, caller: Principal, records: Sequence[HoldRecord]) -> list[FoundHold]:
    if not records:
        return []
    row_ids = [record.id for record in records]
    cart_of = await carts.of_holds(read, row_ids)
    committed = [record.id for record in records if record.ended_as == HoldEnd.COMMITTED]
    checkout_of = await carts.committed(read, committed) if committed else {}
    customer_of = await customers_shown(read, caller, records)
    codes_of = await codes_of_holds(read, row_ids)
    return [
        FoundHold(
            record,
            cart_of[record.id],
            checkout_of.get(record.id),
            customer_of[record.identity_id],
            codes_of.get(record.id, ()),
        )
        for record in records
    ]
