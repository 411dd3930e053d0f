"""A complaint is never turned away: whoever complains, known or not, gets a number and a clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.feedback.domain.machine import Status
from services.feedback.domain.refusals import (
    ContactTimeRefused,
    CustomerErased,
    FollowsRefused,
    OrderOfOtherCustomer,
)
from services.feedback.storage import clocks, complaints, orders
from services.feedback.usecases.refold_clocks import refold_clocks
from shared import identity
from shared.db import Tx
from shared.events.base import Cause
from shared.events.feedback import ComplaintOpened
from shared.ids import new_id
from shared.vault import Vault

CONTACT_WITHIN: Final = timedelta(days=30)
NUMBERS_TRIED_MAX: Final = 10
NUMBER_CHARACTERS: Final = 5
PRIORITY: Final = "normal"


@dataclass(frozen=True, slots=True)
class OrderReference:
    """An order as the customer names it."""

    source: str
    order_id: str


@dataclass(frozen=True, slots=True)
class NewComplaint:
    """What somebody complains of: in whose name, through which channel, written down by whom."""

    identity_id: str
    channel: str
    title: str
    body: str
    opened_by: str
    opened_by_id: str
    order: OrderReference | None = None
    contact_at: datetime | None = None
    follows: str | None = None


async def open_complaint(tx: Tx, vault: Vault, new: NewComplaint, *, zone: ZoneInfo, grace: timedelta) -> str:
    """Open a complaint with its clocks and return its id. Raises what is refused about the request."""
    owner = (await identity.lock(tx, [new.identity_id]))[new.identity_id]
    if owner.erased_at is not None:
        raise CustomerErased
    contact_at = _contact_at(new, tx.now)
    await _check_references(tx, new, owner.owner_id)
    keys = await vault.new_subject(tx, [new.identity_id])
    for _ in range(NUMBERS_TRIED_MAX):
        complaint_id = new_id("cmp")
        row = _row(new, complaint_id, owner.owner_id, contact_at, tx.now, zone) | {
            "title_sealed": keys.seal(new.identity_id, f"complaint.title/{complaint_id}", new.title),
            "body_sealed": keys.seal(new.identity_id, f"complaint.body/{complaint_id}", new.body),
        }
        if await complaints.add(tx, row):
            break
    else:
        raise AssertionError("one of many random numbers of a day is free")
    tx.publish(_opened(new, complaint_id, owner.owner_id, contact_at, tx.now))
    await refold_clocks(tx, [complaint_id], grace)
    return complaint_id


def _contact_at(new: NewComplaint, now: datetime) -> datetime:
    """When the clocks start: now, or when the operator or partner says the customer made contact."""
    if new.contact_at is None:
        return now
    if new.opened_by == "customer" or not now - CONTACT_WITHIN <= new.contact_at <= now:
        raise ContactTimeRefused(days=CONTACT_WITHIN.days)
    return new.contact_at


async def _check_references(tx: Tx, new: NewComplaint, customer_id: str) -> None:
    if new.follows is not None:
        followed = (await clocks.subjects(tx, [new.follows])).get(new.follows)
        if followed is None or followed.customer_id != customer_id:
            raise FollowsRefused
    if new.order is not None and new.opened_by == "customer":
        order = await orders.find(tx, new.order.source, new.order.order_id)
        if order is not None and order.owner_id != customer_id:
            raise OrderOfOtherCustomer


def _row(
    new: NewComplaint,
    complaint_id: str,
    customer_id: str,
    contact_at: datetime,
    now: datetime,
    zone: ZoneInfo,
) -> dict[str, Any]:
    random_part = complaint_id[-NUMBER_CHARACTERS:].upper()
    return {
        "id": complaint_id,
        "number": f"C-{now.astimezone(zone):%y%m%d}-{random_part}",
        "identity_id": new.identity_id,
        "customer_id": customer_id,
        "channel": new.channel,
        "opened_by": new.opened_by,
        "opened_by_id": new.opened_by_id,
        "contact_at": contact_at,
        "received_at": now,
        "language": None,
        "problem_type": None,
        "order_source": None if new.order is None else new.order.source,
        "order_id": None if new.order is None else new.order.order_id,
        "store": None,
        "product": None,
        "status": Status.RECEIVED.value,
        "outcome": None,
        "owner": None,
        "team": None,
        "priority": PRIORITY,
        "cycle": 1,
        "review_level": 0,
        "escalation_level": 0,
        "duplicate_of": None,
        "follows": new.follows,
        "closed_at": None,
        "version": 1,
    }


def _opened(
    new: NewComplaint, complaint_id: str, customer_id: str, contact_at: datetime, now: datetime
) -> ComplaintOpened:
    return ComplaintOpened(
        identity_id=new.identity_id,
        customer_id=customer_id,
        occurred_at=contact_at,
        cause=Cause(kind="complaint", id=complaint_id),
        complaint_id=complaint_id,
        cycle=1,
        status=Status.RECEIVED.value,
        channel=new.channel,
        opened_by=new.opened_by,
        contact_at=contact_at,
        received_at=now,
        priority=PRIORITY,
    )
