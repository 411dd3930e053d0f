"""The member's ledger: every fact with the postings it led to."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from services.loyalty.api.members import CustomerId
from services.loyalty.domain.members import UnknownMember
from services.loyalty.domain.postings import Account, Cause, CauseKind
from services.loyalty.storage import entries, members
from services.loyalty.storage.entries import Entry
from shared.http.auth import OPERATORS, allow
from shared.http.cursor import CursorInvalid, Cursors
from shared.http.dependencies import Reading, Running, Vaulted
from shared.http.models import LIMIT_DEFAULT, Cursor, Limit, Page, Response, example
from shared.http.routes import Router
from shared.vault import Keys

router = Router(tags=["ledger"])

EntryKind = Literal[
    "purchase", "return", "redemption", "adjustment", "remedy", "activation", "expiry", "ownership"
]
KIND: dict[CauseKind, EntryKind] = {
    CauseKind.PURCHASE: "purchase",
    CauseKind.RETURN: "return",
    CauseKind.REDEMPTION: "redemption",
    CauseKind.ADJUSTMENT: "adjustment",
    CauseKind.REMEDY: "remedy",
    CauseKind.LOT_ACTIVATE: "activation",
    CauseKind.LOT_EXPIRE: "expiry",
    CauseKind.OWNERSHIP: "ownership",
}
SPENDABLE = (Account.ACTIVE, Account.DEFICIT)


class PostingOut(Response):
    """Points that went from one account to another, on one lot or between two."""

    from_account: str
    to_account: str
    lot_id: str
    to_lot_id: str | None
    points: int


class OrderOut(Response):
    """The merchant's order."""

    source: str
    order_id: str


class EntryOut(Response):
    """One fact and what it did."""

    model_config = example(
        id="txn_purchase_1025", kind="purchase", occurred_at="2026-03-01T09:30:00Z",
        booked_at="2026-03-01T09:30:01Z", change=25, outcome="earned",
        purchase_id="pur_01hv3n8v1mz8k7g5r0q2w4x6y8", return_id=None, remedy_id=None,
        order={"source": "web", "order_id": "A-1"}, currency="CNY", amount_minor=2590, points=None, text=None,
        postings=[{"from_account": "issued", "to_account": "active", "lot_id": "lot_1026", "to_lot_id": None,
                   "points": 25}],
    )  # fmt: skip

    id: str
    kind: EntryKind
    occurred_at: datetime | None = Field(description="When it happened.")
    booked_at: datetime | None = Field(description="When it was written down.")
    change: int = Field(description="What it did to `points.active`.")
    outcome: str | None = Field(
        description="Why a purchase earned what it did (earned, zero, no_rate); why a remedy was refused."
    )
    purchase_id: str | None = None
    return_id: str | None = None
    remedy_id: str | None = None
    order: OrderOut | None = None
    currency: str | None = None
    amount_minor: int | None = None
    points: int | None = Field(default=None, description="What was asked for: redeemed, adjusted, granted.")
    text: str | None = Field(default=None, description="Reason or reference; null once the member is erased.")
    postings: list[PostingOut]


@router.get(
    "/v1/members/{customer_id}/ledger",
    operation_id="list_ledger",
    summary="List a member's ledger",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember, CursorInvalid),
)
async def list_ledger(
    read: Reading,
    running: Running,
    vault: Vaulted,
    customer_id: CustomerId,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[EntryOut]:
    """Facts in the order they were booked, newest first, each with its postings; also those that moved nothing."""
    cursors = Cursors(vault, "list_ledger", {"customer_id": customer_id})
    position = cursors.read(cursor)
    seen = await members.find(read, customer_id, running.clock.now())
    if seen is None:
        raise UnknownMember
    wallet_ids = [wallet.id for wallet in seen.member.wallets]
    before = int(str(position[0])) if position else None
    found = await entries.page(read, wallet_ids, before=before, limit=limit + 1)
    keys = await vault.keys(read, [each.fact.identity_id for each in found if each.kind in _TEXT])
    more = cursors.write([found[limit - 1].id]) if len(found) > limit else None
    return Page(items=[_entry_out(each, keys) for each in found[:limit]], next_cursor=more)


_TEXT = {CauseKind.REDEMPTION: "reference", CauseKind.ADJUSTMENT: "reason"}


def _entry_out(entry: Entry, keys: Keys) -> EntryOut:
    fact: dict[str, Any] = dict(entry.fact._mapping) if entry.fact is not None else {}
    order = {"source": fact.get("source"), "order_id": fact.get("order_id")}
    is_return = entry.kind is CauseKind.RETURN
    return EntryOut(
        id=Cause(entry.kind, entry.cause_id).transaction_id(),
        kind=KIND[entry.kind],
        occurred_at=entry.occurred_at,
        booked_at=entry.booked_at,
        change=_change(entry),
        outcome=fact.get("outcome") or fact.get("refusal"),
        purchase_id=fact.get("of") if is_return else fact.get("purchase_id"),
        return_id=fact.get("return_id"),
        remedy_id=fact.get("remedy_id"),
        order=OrderOut.model_validate(order) if order["order_id"] else None,
        currency=fact.get("currency"),
        amount_minor=fact.get("amount_minor"),
        points=fact.get("points"),
        text=_text(entry, keys),
        postings=[
            PostingOut(
                from_account=side.from_account.name.lower(),
                to_account=side.to_account.name.lower(),
                lot_id=f"lot_{side.lot_id}",
                to_lot_id=f"lot_{side.to_lot_id}" if side.to_lot_id else None,
                points=side.points,
            )
            for side in entry.postings
        ],
    )


def _change(entry: Entry) -> int:
    arrived = sum(side.points for side in entry.postings if side.to_account in SPENDABLE)
    return arrived - sum(side.points for side in entry.postings if side.from_account in SPENDABLE)


def _text(entry: Entry, keys: Keys) -> str | None:
    column = _TEXT.get(entry.kind)
    token = getattr(entry.fact, column) if column else None
    if token is None or entry.fact.identity_id not in keys:
        return None
    return keys.open(entry.fact.identity_id, f"{KIND[entry.kind]}.{column}", token)
