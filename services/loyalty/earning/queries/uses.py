"""Read the uses of coupons."""

from __future__ import annotations

from collections.abc import Iterable

from services.loyalty.earning.domain.budgets import CEILING_MAX, BudgetKey, Quota, QuotaKind
from services.loyalty.earning.storage import quotas
from shared.db import Read

UNLIMITED = CEILING_MAX
"""The ceiling of a coupon that has no limit."""


async def uses(read: Read, keys: Iterable[BudgetKey]) -> dict[BudgetKey, Quota]:
    """Return these quotas, as far as they exist."""
    return dict((await quotas.load(read, keys)).rows)


async def all_uses(read: Read) -> dict[str, Quota]:
    """Return the quotas of all coupons, by the keys under which they are stored."""
    records = await quotas.all_of(read, QuotaKind.COUPON)
    return {record.key: Quota(record.ceiling, record.used, record.held) for record in records}
