"""The one statement behind the page of a member."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from services.loyalty.ledger.domain.programme import PROGRAMME
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.storage.programme_tables import programme
from services.loyalty.ledger.storage.tables import tier_state, wallet
from shared.db import Read, columns_of


@dataclass(slots=True, eq=False)
class MemberWallet(Wallet):
    """A wallet with what is stored of its owner: the tier (None: the lowest) and the hash of the programme's versions."""

    tier: str | None = None
    since: datetime | None = None
    due_at: datetime | None = None
    timeline: bytes = b""


_OWNER = (
    select(wallet.c.owner_id)
    .where(wallet.c.identity_id == bindparam("customer_id"), wallet.c.programme_id == PROGRAMME)
    .scalar_subquery()
)
_TIER = (tier_state.c.programme_id == wallet.c.programme_id) & (tier_state.c.owner_id == wallet.c.owner_id)
_FIND = (  # Built once, because building it costs more than running it.
    select(
        *columns_of(wallet, Wallet),
        tier_state.c.tier,
        tier_state.c.since,
        tier_state.c.due_at,
        programme.c.timeline,
    )
    .select_from(wallet)
    .join(programme, programme.c.id == wallet.c.programme_id)
    .outerjoin(tier_state, _TIER)
    .where(wallet.c.owner_id == _OWNER, wallet.c.programme_id == PROGRAMME)
)


async def is_of(read: Read, wallet_id: int, customer_id: str) -> bool:
    """Return whether a wallet belongs to the member that this identity belongs to."""
    statement = select(wallet.c.id).where(wallet.c.id == bindparam("wallet_id"), wallet.c.owner_id == _OWNER)
    found = await read.all(statement, {"wallet_id": wallet_id, "customer_id": customer_id})
    return bool(found)


async def find(read: Read, customer_id: str) -> list[MemberWallet]:
    """Return the wallets of the member that this identity belongs to; none if the identity is unknown."""
    return await read.read_records(MemberWallet, _FIND, {"customer_id": customer_id})
