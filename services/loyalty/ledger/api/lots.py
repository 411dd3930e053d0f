"""The lots of a member."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Query
from pydantic import Field

from services.loyalty.ledger.domain.wallets import Lot
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.queries.list_lots import list_lots as lots_of
from services.loyalty.ledger.queries.row_ids import id_of_lot
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.http.cursor import CursorInvalid
from shared.http.customers import CustomerId
from shared.http.dependencies import InContext, Reading
from shared.http.listing import Listing, listed_by
from shared.http.models import Page, Response, example
from shared.http.routes import Router
from shared.vault import Numbers

router = Router(tags=["members"])


class LotState(StrEnum):
    """The lots that are listed."""

    OPEN = "open"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class LotFilters:
    """The filters of the list of lots."""

    state: Annotated[LotState, Query(description="`open`: lots with anything left to them.")] = LotState.OPEN


class LotOut(Response):
    """Points with one origin."""

    model_config = example(
        id="lot_1c8x5r2n9q4vk7e0t3zmhdw6gy", rule="base", issued=25, remaining=20, pending=0, held=0, expired=0, reversed=5, owed=0,
        earned_at="2026-03-01T09:30:00Z", available_at=None, expires_at=None, slides=False,
    )  # fmt: skip

    id: str
    rule: str = Field(description="The rule that granted them, or `remedy`, `adjustment`.")
    issued: int
    remaining: int = Field(description="What can be spent of them.")
    pending: int
    held: int
    expired: int
    reversed: int = Field(description="Taken back by returns.")
    owed: int = Field(description="Taken back though they were spent; not paid by other lots yet.")
    earned_at: datetime
    available_at: datetime | None = Field(description="Null: at once.")
    expires_at: datetime | None = Field(description="Null: never.")
    slides: bool = Field(
        description="Whether `expires_at` moves ahead when the member earns or spends points."
    )


@router.get(
    "/v1/members/{customer_id}/lots",
    operation_id="list_lots",
    summary="List a member's lots",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember, CursorInvalid),
)
async def list_lots(
    read: Reading,
    context: InContext[Settings],
    customer_id: CustomerId,
    listing: Annotated[Listing[LotFilters], listed_by(LotFilters)],
) -> Page[LotOut]:
    """Lots in the order they were booked; they are spent by expiry, then by `earned_at`."""
    found = await find_member(read, customer_id, context.clock.now())
    lots = await lots_of(
        read,
        found,
        after=listing.after_number or 0,
        limit=listing.rows_max,
        only_open=listing.filters.state is LotState.OPEN,
    )
    return listing.page(
        lots, lambda lot: [lot.id], [_lot_out(context.vault.numbers, lot) for lot in listing.shown(lots)]
    )


def _lot_out(numbers: Numbers, lot: Lot) -> LotOut:
    return LotOut(
        id=id_of_lot(numbers, lot.id),
        rule=lot.rule,
        issued=lot.issued,
        remaining=lot.remaining,
        pending=lot.pending,
        held=lot.held,
        expired=lot.expired,
        reversed=lot.reversed,
        owed=lot.owed,
        earned_at=lot.earned_at,
        available_at=lot.available_at,
        expires_at=lot.expires_at,
        slides=bool(lot.slides),
    )
