"""A complaint is never turned away: every customer, known or not, gets a number and a clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.feedback.complaints.domain.complaint import NOTHING_DUE, OpenedBy, OrderReference
from services.feedback.complaints.domain.machine import ComplaintStatus
from services.feedback.complaints.refusals import (
    ContactTimeRefused,
    CustomerErased,
    FollowsRefused,
    UnknownCustomer,
)
from services.feedback.complaints.steps.update_clocks import update_clocks
from services.feedback.complaints.storage import complaints
from services.feedback.complaints.storage.tables import ComplaintRecord
from services.feedback.settings import Settings
from shared import audit, identity
from shared.auth.principal import SHOP
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.events.feedback import ComplaintOpened
from shared.identity.brought import issuer_of
from shared.ids import new_id
from shared.vault import Keys

CONTACT_WITHIN: Final = timedelta(days=30)
NUMBERS_TRIED_MAX: Final = 10
NUMBER_CHARACTERS: Final = 5
PRIORITY: Final = "normal"


@dataclass(frozen=True, slots=True)
class NewComplaint:
    """A complaint to open: its customer, its channel, its words, and the person that wrote it down."""

    identity_id: str
    channel: str
    title: str
    body: str
    opened_by: OpenedBy
    opened_by_id: str
    issuer: str = SHOP
    """The issuer of the person that wrote it down. A partner does so only for the customers that it brought."""
    order: OrderReference | None = None
    contact_at: datetime | None = None
    follows: str | None = None


async def open_complaint(tx: Tx, context: Context[Settings], new: NewComplaint) -> str:
    """Open a complaint with its clocks and return its id.

    Raises UnknownCustomer, CustomerErased, ContactTimeRefused and FollowsRefused.
    """
    if new.opened_by == OpenedBy.PARTNER and await issuer_of(tx, new.identity_id) != new.issuer:
        raise UnknownCustomer
    owner = (await identity.lock(tx, [new.identity_id]))[new.identity_id]
    if owner.erased_at is not None:
        raise CustomerErased
    contact_at = _contact_at(new, tx.now)
    if new.follows is not None:
        await _check_follows(tx, new, new.follows, owner.owner_id)
    audit.note(tx, customer_id=owner.owner_id, identity_id=new.identity_id)
    keys = await context.vault.new_subject(tx, [new.identity_id])
    complaint = await _store(tx, context, new, owner.owner_id, contact_at, keys)
    tx.publish(_opened(complaint))
    await update_clocks(tx, context, [complaint.id])
    return complaint.id


def _contact_at(new: NewComplaint, now: datetime) -> datetime:
    """Return the start of the clocks: now, or the customer's contact as an operator or partner gives it."""
    if new.contact_at is None:
        return now
    if new.opened_by == OpenedBy.CUSTOMER or not now - CONTACT_WITHIN <= new.contact_at <= now:
        raise ContactTimeRefused(days=CONTACT_WITHIN.days)
    return new.contact_at


async def _check_follows(tx: Tx, new: NewComplaint, former_id: str, customer_id: str) -> None:
    """Refuse to follow another customer's complaint, and to follow one that this partner did not bring."""
    if await complaints.owner_of(tx, former_id) != customer_id:
        raise FollowsRefused
    if new.opened_by == OpenedBy.PARTNER:
        former = await complaints.find(tx, former_id)
        if (former.opened_by, former.opened_by_id) != (OpenedBy.PARTNER.value, new.opened_by_id):
            raise FollowsRefused


async def _store(
    tx: Tx,
    context: Context[Settings],
    new: NewComplaint,
    customer_id: str,
    contact_at: datetime,
    keys: Keys,
) -> ComplaintRecord:
    """Store the complaint under a number that is free, and return it."""
    for _ in range(NUMBERS_TRIED_MAX):
        complaint_id = new_id("cmp")
        day = tx.now.astimezone(context.settings.time_zone)
        complaint = ComplaintRecord(
            id=complaint_id,
            number=f"C-{day:%y%m%d}-{complaint_id[-NUMBER_CHARACTERS:].upper()}",
            identity_id=new.identity_id,
            customer_id=customer_id,
            channel=new.channel,
            opened_by=new.opened_by.value,
            opened_by_id=new.opened_by_id,
            contact_at=contact_at,
            received_at=tx.now,
            title_sealed=keys.seal(new.identity_id, f"complaint.title/{complaint_id}", new.title),
            body_sealed=keys.seal(new.identity_id, f"complaint.body/{complaint_id}", new.body),
            language=None,
            problem_type=None,
            order_sealed=None
            if new.order is None
            else keys.seal(new.identity_id, f"complaint.order/{complaint_id}", new.order.text),
            store=None,
            product=None,
            status=ComplaintStatus.RECEIVED.value,
            outcome=None,
            owner=None,
            team=None,
            priority=PRIORITY,
            cycle=1,
            review_level=0,
            escalation_level=0,
            duplicate_of=None,
            follows=new.follows,
            closed_at=None,
            version=1,
            rules_applied=0,
            due_at=NOTHING_DUE,
            updated_at=tx.now,
        )
        if await complaints.add(tx, complaint):
            return complaint
    raise AssertionError("one of many random numbers of a day is free")


def _opened(complaint: ComplaintRecord) -> ComplaintOpened:
    return ComplaintOpened(
        identity_id=complaint.identity_id,
        customer_id=complaint.customer_id,
        occurred_at=complaint.contact_at,
        cause=Cause(kind="complaint", id=complaint.id),
        complaint_id=complaint.id,
        cycle=complaint.cycle,
        status=ComplaintStatus(complaint.status),
        channel=complaint.channel,
        opened_by=complaint.opened_by,
        contact_at=complaint.contact_at,
        received_at=complaint.received_at,
        priority=complaint.priority,
    )
