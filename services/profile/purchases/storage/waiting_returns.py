"""Returns that came before their purchases: parked, sealed, until the purchases come or a deadline passes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pydantic import TypeAdapter
from sqlalchemy import literal_column, select

from services.profile.purchases.domain.purchases import OrderKey
from services.profile.purchases.domain.returns import ReturnKey, WaitingReturn
from shared.auth.principal import SHOP
from shared.consume import parking, set_aside
from shared.consume.parking import Parked, Waiting
from shared.consume.set_aside import Reason
from shared.consume.tables import set_aside as table
from shared.db import Read, Tx, any_of
from shared.vault import Vault

CONSUMER = "profile"
TYPE = "return"
"""The type of a parked return."""
WAITING_DAYS_MAX = 30
"""The longest time that a return waits for its purchase, before it is handed to the operators."""
NO_PURCHASE_YET = Reason("waiting_for_purchase", "The purchase that it returns is not known yet.")
NEVER_PURCHASED = Reason(
    "purchase_never_came", f"Its purchase was not recorded within {WAITING_DAYS_MAX} days."
)


@dataclass(frozen=True, slots=True)
class ParkedReturn:
    """A waiting return with its place among the records that are set aside."""

    parked: Parked
    waiting: WaitingReturn


def awaited(order: OrderKey) -> str:
    """Return the name of the fact that a return waits for; both meet at the rendezvous of this name.

    Sources may have slashes, so two orders can share a name: `release` takes only the returns of the very order.
    """
    issuer = "" if order.issuer == SHOP else f"{order.issuer}/"
    return f"order:{issuer}{order.source}/{order.order_id}"


async def park(tx: Tx, vault: Vault, returns: Sequence[WaitingReturn]) -> None:
    """Keep returns until their purchases come. The caller holds the rendezvous of their orders."""
    deadline_at = tx.now + timedelta(days=WAITING_DAYS_MAX)
    await parking.park(
        tx,
        vault,
        CONSUMER,
        [
            Waiting(
                awaits=awaited(waiting.order),
                type=TYPE,
                document=_DOCUMENT.dump_json(waiting).decode(),
                deadline_at=deadline_at,
                reason=NO_PURCHASE_YET,
                order_by=_order_of(waiting),
                key=_parking_key(waiting.key),
                id=_parked_id(waiting.return_id),
            )
            for waiting in returns
        ],
    )


async def find(read: Read, vault: Vault, keys: Iterable[ReturnKey]) -> dict[ReturnKey, WaitingReturn]:
    """Return those of these returns that wait for their purchase."""
    asked = set(keys)
    wanted = sorted({_parking_key(key) for key in asked})
    if not wanted:
        return {}
    rows = await read.all(
        select(table.c.record).where(
            table.c.consumer == CONSUMER,
            table.c.state == literal_column("'parked'"),
            any_of(table.c.key, wanted),
        )
    )
    documents = (set_aside.open_record(vault, sealed).value or b"" for (sealed,) in rows)
    return {waiting.key: waiting for waiting in map(read_document, documents) if waiting.key in asked}


async def find_by_id(read: Read, vault: Vault, return_id: str) -> WaitingReturn | None:
    """Return the return with this id; None if none waits under it."""
    sealed = await read.scalar(
        select(table.c.record).where(
            table.c.id == _parked_id(return_id),
            table.c.consumer == CONSUMER,
            table.c.type == TYPE,
            table.c.state == literal_column("'parked'"),
        )
    )
    return None if sealed is None else read_document(set_aside.open_record(vault, sealed).value or b"")


async def release(tx: Tx, vault: Vault, orders: Iterable[OrderKey]) -> list[ParkedReturn]:
    """Return what waited for these orders, by (returned_at, return_id), to be applied in this transaction."""
    wanted = set(orders)
    # Partners' returns of earlier versions wait under the names that the shop's orders have.
    names = {
        awaited(OrderKey(issuer, order.source, order.order_id))
        for order in wanted
        for issuer in (order.issuer, SHOP)
    }
    return _opened(
        await parking.release(
            tx,
            vault,
            names,
            fits=lambda parked: read_document(parked.document).order in wanted,
        )
    )


async def lock(tx: Tx, vault: Vault, parked_ids: Sequence[str]) -> list[ParkedReturn]:
    """Lock and return those of these returns that still wait."""
    return _opened(await parking.lock(tx, vault, parked_ids))


async def hand_to_operators(tx: Tx, parked: ParkedReturn, reason: Reason) -> None:
    """Hand a return that cannot be applied to the operators."""
    await parking.mark_dead(tx, [parked.parked], reason)


async def end_applied(tx: Tx, parked: ParkedReturn) -> None:
    """End the waiting of an overdue return that was applied after all."""
    await parking.end(tx, [parked.parked.id], state="applied", by="deadline")


def read_document(document: str | bytes) -> WaitingReturn:
    """Return the return of a document that was set aside."""
    return _DOCUMENT.validate_json(document)


def _opened(parked: Sequence[Parked]) -> list[ParkedReturn]:
    return [ParkedReturn(record, read_document(record.document)) for record in parked]


def _order_of(waiting: WaitingReturn) -> str:
    """Return the text that sorts the returns that wait for one order."""
    reported = waiting.reported
    return f"{reported.returned_at.isoformat(timespec='microseconds')} {reported.return_id}"


def _parked_id(return_id: str) -> str:
    """Return the id under which a return is set aside, so that it is found by its own id.

    Those of earlier versions have ids of their own, and are found when they are applied.
    """
    return return_id.replace("ret_", "sad_", 1)


def _parking_key(key: ReturnKey) -> str:
    return f"return:{key.source}/{key.return_id}"


_DOCUMENT = TypeAdapter(WaitingReturn)
