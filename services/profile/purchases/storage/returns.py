"""Returns, their units, and those that wait for their purchase."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import literal_column, select

from services.profile.purchases.domain.returns import Allotted, Return, ReturnedLine
from services.profile.purchases.storage.purchases import OrderKey
from services.profile.purchases.storage.tables import purchases, return_lines, returns
from shared.consume import parking, set_aside
from shared.consume.parking import Parked, Waiting
from shared.consume.set_aside import Reason
from shared.consume.tables import set_aside as table
from shared.db import Read, Tx, any_of, any_of_rows
from shared.vault import Vault

CONSUMER = "profile"
WAITING = "return"
"""Type of a parked return."""
WAITING_DAYS_MAX = 30
"""How long a return waits for its purchase before operators are told."""
NO_PURCHASE_YET = Reason("waiting_for_purchase", "The purchase that it returns is not known yet.")
NEVER_PURCHASED = Reason(
    "purchase_never_came", f"Its purchase was not recorded within {WAITING_DAYS_MAX} days."
)

ReturnKey = tuple[str, str]
"""Source and the return's id there."""


@dataclass(frozen=True, slots=True)
class StoredReturn:
    """A return as recorded, with the order of its purchase."""

    return_id: str
    source: str
    source_return_id: str
    issuer: str
    purchase_id: str
    identity_id: str
    customer_id: str
    returned_at: datetime
    amount_minor: int
    content_hash: bytes
    booked_at: datetime
    order_id: str
    currency: str
    lines: tuple[Allotted, ...]

    @property
    def key(self) -> ReturnKey:
        """Its natural key."""
        return self.source, self.source_return_id

    @property
    def told(self) -> Return:
        """The return as it was told."""
        lines = tuple(ReturnedLine(units.line, units.quantity) for units in self.lines)
        return Return(self.source, self.source_return_id, self.order_id, self.returned_at, lines)


@dataclass(frozen=True, slots=True)
class WaitingReturn:
    """A return that came before its purchase."""

    return_id: str
    issuer: str
    told: Return

    @property
    def key(self) -> ReturnKey:
        """Its natural key."""
        return self.told.source, self.told.return_id

    @property
    def order(self) -> OrderKey:
        """The order it waits for."""
        return self.told.source, self.told.order_id


async def find(read: Read, keys: Iterable[ReturnKey]) -> dict[ReturnKey, StoredReturn]:
    """Those of these returns that are recorded, by source and id there."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    rows = await read.all(
        select(*_COLUMNS, purchases.c.order_id, purchases.c.currency)
        .join(purchases, purchases.c.purchase_id == returns.c.purchase_id)
        .where(any_of_rows((returns.c.source, returns.c.source_return_id), wanted))
    )
    lines = await _lines(read, [row[0] for row in rows])
    stored = [StoredReturn(*[*row, lines[row[0]]]) for row in rows]
    return {one.key: one for one in stored}


async def _lines(read: Read, return_ids: Sequence[str]) -> dict[str, tuple[Allotted, ...]]:
    if not return_ids:
        return {}
    rows = await read.all(
        select(return_lines.c.return_id, *(return_lines.c[name] for name in Allotted.__slots__))
        .where(any_of(return_lines.c.return_id, return_ids))
        .order_by(return_lines.c.return_id, return_lines.c.line)
    )
    found: dict[str, list[Allotted]] = {return_id: [] for return_id in return_ids}
    for return_id, *allotted in rows:
        found[return_id].append(Allotted(*allotted))
    return {return_id: tuple(lines) for return_id, lines in found.items()}


async def insert(tx: Tx, stored: Sequence[StoredReturn]) -> bool:
    """Store returns with their units; whether all were new. Those that were not, another has just recorded."""
    rows = [{name: getattr(one, name) for name in _NAMES} for one in sorted(stored, key=lambda one: one.key)]
    if len(await tx.insert_new(returns, rows)) != len(rows):
        return False
    units = [
        {"return_id": one.return_id, "purchase_id": one.purchase_id}
        | {name: getattr(line, name) for name in Allotted.__slots__}
        for one in stored
        for line in one.lines
    ]
    await tx.insert_many(return_lines, units)
    return True


async def park(tx: Tx, vault: Vault, waiting: Sequence[WaitingReturn]) -> None:
    """Keep returns until their purchases come. The caller holds the rendezvous of their orders."""
    await parking.park(
        tx,
        vault,
        CONSUMER,
        [
            Waiting(
                awaits=awaited(one.told.source, one.told.order_id),
                type=WAITING,
                document=_document(one),
                deadline_at=tx.now + timedelta(days=WAITING_DAYS_MAX),
                reason=NO_PURCHASE_YET,
                order_by=f"{one.told.returned_at.isoformat(timespec='microseconds')} {one.told.return_id}",
                key=_parking_key(one.told.source, one.told.return_id),
            )
            for one in waiting
        ],
    )


async def find_waiting(read: Read, vault: Vault, keys: Iterable[ReturnKey]) -> dict[ReturnKey, WaitingReturn]:
    """Those of these returns that wait for their purchase, by source and id there."""
    wanted = sorted({_parking_key(*key) for key in keys})
    if not wanted:
        return {}
    rows = await read.all(
        select(table.c.record).where(
            table.c.consumer == CONSUMER,
            table.c.state == literal_column("'parked'"),
            any_of(table.c.key, wanted),
        )
    )
    found = [out_of(set_aside.open_record(vault, record)[1] or b"") for (record,) in rows]
    return {one.key: one for one in found}


async def release(tx: Tx, vault: Vault, orders: Iterable[OrderKey]) -> list[tuple[Parked, WaitingReturn]]:
    """What waited for these orders, by (returned_at, return_id): to be applied in this transaction."""
    released = await parking.release(tx, vault, (awaited(*order) for order in orders))
    return [(parked, out_of(parked.document)) for parked in released]


async def overdue(tx: Tx, vault: Vault) -> list[tuple[Parked, WaitingReturn]]:
    """Returns that have waited too long, locked, a page of them."""
    found = await parking.overdue(tx, vault, WAITING)
    return [(parked, out_of(parked.document)) for parked in found]


async def bury(tx: Tx, parked: Parked, reason: Reason) -> None:
    """Hand a return that cannot be applied to the operators."""
    await parking.bury(tx, [parked], reason)


def out_of(document: str | bytes) -> WaitingReturn:
    """A return out of the document it is set aside as."""
    known = json.loads(document)
    told = Return(
        known["source"],
        known["return_id"],
        known["order_id"],
        datetime.fromisoformat(known["returned_at"]),
        tuple(ReturnedLine(line, quantity) for line, quantity in known["lines"]),
    )
    return WaitingReturn(known["id"], known["issuer"], told)


def awaited(source: str, order_id: str) -> str:
    """The name of the fact that a return waits for; also the rendezvous of both."""
    return f"order:{source}/{order_id}"


def _document(waiting: WaitingReturn) -> str:
    told = waiting.told
    return json.dumps(
        {
            "id": waiting.return_id,
            "issuer": waiting.issuer,
            "source": told.source,
            "return_id": told.return_id,
            "order_id": told.order_id,
            "returned_at": told.returned_at.isoformat(),
            "lines": [[line.line, line.quantity] for line in told.lines],
        },
        ensure_ascii=False,
    )


def _parking_key(source: str, return_id: str) -> str:
    return f"return:{source}/{return_id}"


_NAMES = tuple(name for name in StoredReturn.__slots__ if name not in ("order_id", "currency", "lines"))
_COLUMNS: tuple[Any, ...] = tuple(returns.c[name] for name in _NAMES)
