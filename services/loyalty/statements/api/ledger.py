"""The member's ledger: every fact with the postings it led to."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Query
from pydantic import Field

from services.loyalty.activities.queries.activities import id_of_activity
from services.loyalty.earning.domain.earning import Outcome
from services.loyalty.ledger.domain.entries import Fact, OrderKey, SealedText
from services.loyalty.ledger.domain.postings import Account, PostingCause
from services.loyalty.ledger.queries.entries import LEDGER_SORTS
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.queries.row_ids import id_of_lot, id_of_transaction
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.remedies.domain.remedies import Refusal
from services.loyalty.settings import Settings
from services.loyalty.statements.domain.kinds import KIND, LedgerEntryKind
from services.loyalty.statements.queries.applied import PREFIXES, is_applied
from services.loyalty.statements.queries.facts_of_order import facts_of_order, facts_of_purchase
from services.loyalty.statements.queries.list_entries import Entry
from services.loyalty.statements.queries.list_entries import list_entries as entries_of
from services.loyalty.statements.refusals import OrderFilterInvalid
from shared.auth.access import OPERATORS, allow
from shared.auth.principal import SubjectKind
from shared.db import Read
from shared.events.base import Issuer
from shared.http.awaiting import AfterOut, after_query, awaited
from shared.http.cursor import CursorInvalid
from shared.http.customers import CustomerId
from shared.http.dependencies import Caller, InContext, Reading, Running
from shared.http.listing import Listing, listed_by
from shared.http.models import OrderIdFilter, Page, Response, SourceFilter, example, member_of
from shared.http.readers import ReadBy
from shared.http.routes import Router
from shared.limits import CODE_MAX
from shared.vault import Keys, Numbers, Vault

router = Router(tags=["ledger"])


SPENDABLE = (Account.ACTIVE, Account.DEFICIT)


class AccountName(StrEnum):
    """An account between which points move. `active` to `deficit` are the member's; the rest are the programme's."""

    ISSUED = "issued"
    ACTIVE = "active"
    PENDING = "pending"
    HELD = "held"
    DEFICIT = "deficit"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    ADJUSTED = "adjusted"
    OPENING = "opening"
    PARTNER_FUNDING = "partner_funding"
    PARTNER_RECEIVABLE = "partner_receivable"


class LedgerEntryOutcome(StrEnum):
    """The reason why a purchase or an activity earned what it did, or why a remedy was refused.

    `cap_reached`: a cap of the member cut it to nothing. `budget_exhausted`: a budget of all members had no room. `condition`: it met the conditions of no rule. `no_rate`: rules that it met have
    no rate for its currency. `zero`: it is worth no whole point.
    """

    EARNED = Outcome.EARNED.value
    ZERO = Outcome.ZERO.value
    NO_RATE = Outcome.NO_RATE.value
    CAP_REACHED = Outcome.CAP_REACHED.value
    BUDGET_EXHAUSTED = Outcome.BUDGET_EXHAUSTED.value
    CONDITION = Outcome.CONDITION.value
    UNKNOWN_MEMBER = Refusal.UNKNOWN_MEMBER.value
    ERASED_MEMBER = Refusal.ERASED_MEMBER.value
    ABOVE_LIMIT = Refusal.ABOVE_LIMIT.value
    NO_POINTS = Refusal.NO_POINTS.value


class PostingOut(Response):
    """Points that went from one account to another, on one lot or between two."""

    from_account: AccountName
    to_account: AccountName
    lot_id: str
    to_lot_id: str | None
    points: int


class MerchantOrderOut(Response):
    """The merchant's order."""

    issuer: str = Field(description="Who recorded the order: the shop, or `partner:<id>`.")
    source: str
    order_id: str


class LedgerEntryOut(Response):
    """One fact and what it did."""

    model_config = example(
        id="txn_purchase_3h6m9z2e5v8qn1k4c7rtw0xdga", kind="purchase", occurred_at="2026-03-01T09:30:00Z",
        booked_at="2026-03-01T09:30:01Z", change=25, outcome="earned",
        purchase_id="pur_01hv3n8v1mz8k7g5r0q2w4x6y8", return_id=None, remedy_id=None, goal=None, source=None, reward=None, activity_id=None, activity=None,
        order={"issuer": "shop", "source": "web", "order_id": "A-1"}, currency="CNY", amount_minor=2590, points=None, text=None,
        postings=[{"from_account": "issued", "to_account": "active", "lot_id": "lot_1c8x5r2n9q4vk7e0t3zmhdw6gy", "to_lot_id": None,
                   "points": 25}],
    )  # fmt: skip

    id: str
    kind: LedgerEntryKind
    occurred_at: datetime | None = Field(description="When it happened.")
    booked_at: datetime | None = Field(description="When it was written down.")
    change: int = Field(description="What it did to `points.active`.")
    outcome: LedgerEntryOutcome | None = Field(
        description="Of a purchase, an activity and a refused remedy; null for every other entry."
    )
    purchase_id: str | None = None
    return_id: str | None = None
    remedy_id: str | None = None
    goal: str | None = Field(default=None, description="The goal that the member completed.")
    source: str | None = Field(default=None, description="The system that an opening balance comes from.")
    reward: str | None = Field(default=None, description="The reward that the member claimed.")
    activity_id: str | None = Field(
        default=None, description="The activity that brought the entry, or that was taken back."
    )
    activity: str | None = Field(default=None, description="The kind of that activity.")
    order: MerchantOrderOut | None = None
    currency: str | None = None
    amount_minor: int | None = None
    points: int | None = Field(
        default=None, description="What was asked for: redeemed, adjusted, granted, given."
    )
    text: Annotated[str | None, ReadBy("operator", "customer")] = Field(
        default=None,
        description="Reason or reference; null once the member is erased. Only operators read the reason of an adjustment.",
    )
    postings: list[PostingOut]


class LedgerPage(Page[LedgerEntryOut]):
    """One page of a ledger."""

    after: AfterOut | None = Field(default=None, description="Null unless `after` was asked for.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFilters:
    """The filters of a ledger. They name one order in one of two ways."""

    purchase_id: Annotated[
        str | None,
        Query(
            max_length=CODE_MAX,
            description="Only what happened to the order of this purchase: what it earned, its returns, the points that paid it, "
            "and when its points became active or expired.",
            examples=["pur_01hv3n8v1mz8k7g5r0q2w4x6y8"],
        ),
    ] = None
    source: Annotated[
        SourceFilter,
        Query(description="The system that the order of `order_id` comes from. Only with `order_id`."),
    ] = None
    order_id: Annotated[
        OrderIdFilter, Query(description="Only what belongs to this order. Only with `source`.")
    ] = None
    order_issuer: Annotated[
        Issuer | None,
        Query(
            description="Who recorded the order of `source` and `order_id`, only with both: the shop, or `partner:<id>`. By default the orders of "
            "all issuers are shown; then points that pay a partner's order are among them once the partner has recorded it."
        ),
    ] = None


_WAYS_TO_NAME_AN_ORDER: tuple[set[str], ...] = (
    set(),
    {"purchase_id"},
    {"source", "order_id"},
    {"source", "order_id", "order_issuer"},
)


@router.get(
    "/v1/members/{customer_id}/ledger",
    operation_id="list_ledger",
    summary="List a member's ledger",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember, CursorInvalid, OrderFilterInvalid),
)
async def list_ledger(
    read: Reading,
    caller: Caller,
    running: Running,
    context: InContext[Settings],
    customer_id: CustomerId,
    listing: Annotated[Listing[LedgerFilters], listed_by(LedgerFilters, sorts=LEDGER_SORTS)],
    after: Annotated[str | None, after_query(*PREFIXES)] = None,
) -> LedgerPage:
    """Facts in the order they were booked, by default the newest first, each with its postings; also those that moved nothing.

    `purchase_id`, or `source` and `order_id`, show those of one order.
    """
    _must_name_one_order(listing.filters)
    awaited_fact = await awaited(running.database, is_applied, customer_id, after)
    found = await find_member(read, customer_id, context.clock.now())
    of_order = await _facts_of_order(read, context.vault, listing.filters, found.wallet_ids)
    entries = await entries_of(read, found.wallet_ids, of_order=of_order, asked=listing.slice)
    facts = [entry.fact for entry in entries if entry.fact is not None]
    texts = [text for fact in facts for text in (fact.text, fact.order_sealed)]
    keys = await context.vault.keys(read, [text.identity_id for text in texts if text is not None])
    shown = [_entry_out(context.vault.numbers, entry, keys, caller.kind) for entry in listing.shown(entries)]
    page = listing.page(entries, lambda entry: [entry.key.id], shown)
    return LedgerPage(items=page.items, next_cursor=page.next_cursor, after=awaited_fact)


def _must_name_one_order(filters: LedgerFilters) -> None:
    """Refuse an order that is named in part or in two ways. Raises OrderFilterInvalid."""
    given = {field.name for field in fields(filters) if getattr(filters, field.name) is not None}
    if given not in _WAYS_TO_NAME_AN_ORDER:
        raise OrderFilterInvalid


async def _facts_of_order(
    read: Read, vault: Vault, filters: LedgerFilters, wallet_ids: Sequence[int]
) -> list[PostingCause] | None:
    """Return the facts of the order that the filters name; None: they name none."""
    if filters.purchase_id is not None:
        return await facts_of_purchase(read, vault, filters.purchase_id, wallet_ids)
    if filters.source is None or filters.order_id is None:
        return None
    named = filters.source, filters.order_id, filters.order_issuer
    return await facts_of_order(read, vault, *named, wallet_ids=wallet_ids)


def _entry_out(numbers: Numbers, entry: Entry, keys: Keys, reader: SubjectKind) -> LedgerEntryOut:
    cause, fact = entry.key.cause, entry.fact
    shown = LedgerEntryOut(
        id=id_of_transaction(numbers, cause),
        kind=KIND[cause.kind],
        occurred_at=entry.occurred_at,
        booked_at=entry.booked_at,
        change=_change(entry),
        outcome=None,
        postings=[
            PostingOut(
                from_account=AccountName(side.from_account.name.lower()),
                to_account=AccountName(side.to_account.name.lower()),
                lot_id=id_of_lot(numbers, side.lot_id),
                to_lot_id=id_of_lot(numbers, side.to_lot_id) if side.to_lot_id else None,
                points=side.points,
            )
            for side in entry.sides
        ],
    )
    if fact is None:
        return shown
    return shown.model_copy(
        update={
            "outcome": member_of(LedgerEntryOutcome, fact.outcome),
            "purchase_id": fact.purchase_id,
            "return_id": fact.return_id,
            "remedy_id": fact.remedy_id,
            "goal": fact.goal,
            "source": fact.source,
            "reward": fact.reward,
            "activity_id": None if fact.activity is None else id_of_activity(numbers, fact.activity.row_id),
            "activity": None if fact.activity is None else fact.activity.kind,
            "order": _order_out(fact, keys, reader),
            "currency": fact.currency,
            "amount_minor": fact.amount_minor,
            "points": fact.points,
            "text": _opened(fact.text, keys, reader),
        }
    )


def _order_out(fact: Fact, keys: Keys, reader: SubjectKind) -> MerchantOrderOut | None:
    opened = _opened(fact.order_sealed, keys, reader)
    order = fact.order if opened is None else OrderKey.of(opened)
    if order is None:
        return None
    return MerchantOrderOut(issuer=order.issuer, source=order.source, order_id=order.order_id)


def _change(entry: Entry) -> int:
    arrived = sum(side.points for side in entry.sides if side.is_to_here and side.to_account in SPENDABLE)
    left = sum(side.points for side in entry.sides if side.is_from_here and side.from_account in SPENDABLE)
    return arrived - left


def _opened(text: SealedText | None, keys: Keys, reader: SubjectKind) -> str | None:
    if text is None or reader not in text.readers:
        return None
    return keys.open_if_known(text.identity_id, text.purpose, text.token)
