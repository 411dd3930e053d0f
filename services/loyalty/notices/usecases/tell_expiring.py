"""Tell of points that expire soon."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.ledger.domain.programme import CODE
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking, reserve
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.notices.domain.expiring import ExpiringDay, days, windows
from services.loyalty.notices.storage import notices
from services.loyalty.notices.storage.tables import POINTS_EXPIRING, NoticeRecord
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsExpiring


async def tell_expiring(tx: Tx, context: Context[Settings], identity_ids: Sequence[str]) -> int:
    """Tell once, per wallet, lead time and day, of the points that can be spent now and expire then; return how many were told.

    It looks again under the wallets' lock: what was spent meanwhile is not told.
    """
    locked = await lock_wallets(tx, identity_ids, create=False)
    members = list({member.owner_id: member for member in locked.members.values()}.values())
    booking = await open_booking(tx, locked, members, rows=0, all_lots=True)
    programme = booking.programme
    ahead = windows(programme, tx.now)
    found = [
        (wallet, day)
        for identity_id in sorted(set(identity_ids))
        if (wallet := locked.living(identity_id)) is not None
        for day in days(
            (lot for lot in locked.member(identity_id).lots.values() if lot.wallet is wallet),
            ahead,
            programme.zone_info,
        )
    ]
    await reserve(booking, rows=len(found))
    records = [_record(booking, wallet, day) for wallet, day in found]
    new = await notices.add(tx, records)
    for record in records:
        if record.id in new:
            _tell(tx, context, record)
    await close_booking(booking)
    return len(new)


def _record(booking: Booking, wallet: Wallet, day: ExpiringDay) -> NoticeRecord:
    return NoticeRecord(
        id=booking.journal.next_id(),
        kind=POINTS_EXPIRING,
        wallet_id=wallet.id,
        identity_id=wallet.identity_id,
        customer_id=wallet.owner_id,
        lead_days=day.lead_days,
        from_at=day.from_at,
        until_at=day.until_at,
        expires_at=day.expires_at,
        points=day.points,
        booked_at=booking.tx.now,
    )


def _tell(tx: Tx, context: Context[Settings], record: NoticeRecord) -> None:
    tx.publish(
        PointsExpiring(
            identity_id=record.identity_id,
            customer_id=record.customer_id,
            occurred_at=record.booked_at,
            cause=Cause(kind="notice", id=context.vault.numbers.name("ntc", record.id)),
            programme=CODE,
            points=record.points,
            expires_at=record.expires_at,
            lead_days=record.lead_days,
        )
    )
