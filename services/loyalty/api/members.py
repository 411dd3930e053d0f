"""The member: points, tier, and the lots the points are in."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import Field

from services.loyalty.domain.members import UnknownMember
from services.loyalty.domain.wallets import Lot
from services.loyalty.storage import history, lots, members
from services.loyalty.storage.members import Seen
from shared import money
from shared.errors import DomainError, Kind
from shared.http.auth import OPERATORS, allow
from shared.http.cursor import CursorInvalid, Cursors
from shared.http.dependencies import Reading, Running, Vaulted
from shared.http.models import LIMIT_DEFAULT, Cursor, InstantIn, Limit, Page, Response, example
from shared.http.routes import Router
from shared.limits import ID_MAX

CustomerId = Annotated[
    str, Path(max_length=ID_MAX, description="The customer, or any identity merged into them.")
]

AsOf = Annotated[
    InstantIn | None,
    Query(description="As the books stood at this moment; facts that were booked later are left out."),
]

router = Router(tags=["members"])


class AheadOfTime(DomainError):
    """A moment that has not come yet."""

    kind, code = Kind.INVALID, "as_of_in_future"


class Points(Response):
    """What a member has. `active` is less any deficit and may be negative after a return."""

    active: int
    pending: int
    held: int


class NextTier(Response):
    """The tier above, and what is missing to it."""

    code: str
    missing_minor: int


class TierOut(Response):
    """Where a member stands, by spend of the trailing window."""

    code: str
    name_en: str
    name_zh: str
    since: datetime | None = Field(
        description="Effective time of the last change; null: from the start, or asked with `as_of`."
    )
    spend_minor: int = Field(description="What counts, net of returns, in the programme's currency.")
    currency: str
    next: NextTier | None = Field(description="Null on the highest tier.")


class MemberOut(Response):
    """A customer in the programme."""

    model_config = example(
        customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8",
        programme="default",
        tier={
            "code": "silver", "name_en": "Silver", "name_zh": "银卡会员", "since": "2026-03-01T09:30:00Z",
            "spend_minor": 250000, "currency": "CNY", "next": {"code": "gold", "missing_minor": 250000},
        },
        points={"active": 2480, "pending": 0, "held": 0},
    )  # fmt: skip

    customer_id: str
    programme: str
    tier: TierOut
    points: Points


class LotOut(Response):
    """Points with one origin."""

    model_config = example(
        id="lot_513", rule="base", issued=25, remaining=20, pending=0, held=0, expired=0, reversed=5, owed=0,
        earned_at="2026-03-01T09:30:00Z", available_at=None, expires_at=None,
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


@router.get(
    "/v1/members/{customer_id}",
    operation_id="get_member",
    summary="Get a member's points and tier",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember, AheadOfTime),
)
async def get_member(
    read: Reading, running: Running, customer_id: CustomerId, as_of: AsOf = None
) -> MemberOut:
    """Points and tier as of now, or of any moment before: what had fallen due counts, whether or not it was booked."""
    now = running.clock.now()
    if as_of is None:
        seen = await members.find(read, customer_id, now)
    elif as_of > now:
        raise AheadOfTime
    else:
        async with running.database.begin() as tx:
            seen = await history.at(tx, customer_id, as_of)
    if seen is None:
        raise UnknownMember
    return member_out(seen)


@router.get(
    "/v1/members/{customer_id}/lots",
    operation_id="list_lots",
    summary="List a member's lots",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember, CursorInvalid),
)
async def list_lots(
    read: Reading,
    running: Running,
    vault: Vaulted,
    customer_id: CustomerId,
    state: Annotated[
        Literal["open", "all"], Query(description="`open`: lots with anything left to them.")
    ] = "open",
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[LotOut]:
    """Lots in the order they were booked; they are spent by expiry, then by `earned_at`."""
    cursors = Cursors(vault, "list_lots", {"customer_id": customer_id, "state": state})
    after = cursors.read(cursor)
    seen = await members.find(read, customer_id, running.clock.now())
    if seen is None:
        raise UnknownMember
    wallet_ids = [wallet.id for wallet in seen.member.wallets]
    start = int(str(after[0])) if after else 0
    only_open = state == "open"
    found = await lots.page(read, seen.locked, wallet_ids, after=start, limit=limit + 1, only_open=only_open)
    more = cursors.write([found[limit - 1].id]) if len(found) > limit else None
    return Page(items=[_lot_out(lot) for lot in found[:limit]], next_cursor=more)


def member_out(seen: Seen) -> MemberOut:
    """A member as answered."""
    balance, programme = seen.member.balance(), seen.programme
    return MemberOut(
        customer_id=seen.member.owner_id,
        programme=programme.code,
        tier=_tier_out(seen),
        points=Points(active=balance.active, pending=balance.pending, held=balance.held),
    )


def _tier_out(seen: Seen) -> TierOut:
    programme, spend = seen.programme, seen.standing.spend()
    level = programme.level_of(spend)
    above = programme.tiers[level + 1] if level + 1 < len(programme.tiers) else None
    unit = 10 ** money.exponent(programme.currency)
    tier = programme.tiers[level]
    return TierOut(
        code=tier.code,
        name_en=tier.name_en,
        name_zh=tier.name_zh,
        since=seen.standing.since,
        spend_minor=spend,
        currency=programme.currency,
        next=NextTier(code=above.code, missing_minor=above.from_spend * unit - spend) if above else None,
    )


def _lot_out(lot: Lot) -> LotOut:
    return LotOut(
        id=f"lot_{lot.id}",
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
    )
