"""Archive a coupon."""

from __future__ import annotations

from services.loyalty.coupons.queries.find_coupon import find_coupon
from services.loyalty.coupons.usecases.save_coupon import save_coupon
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.preconditions import Precondition


async def archive_coupon(
    tx: Tx, context: Context[Settings], code: str, author: str, precondition: Precondition
) -> None:
    """Let no cart have codes of a coupon any more. Holds that have one keep it.

    Raises CouponNotFound and PreconditionFailed.
    """
    found = await find_coupon(tx, code)
    await save_coupon(tx, context, code, found.document, author, precondition, archived=True)
