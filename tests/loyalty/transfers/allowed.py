"""Programmes that let members give points."""

from __future__ import annotations

from services.loyalty.ledger.domain.programme import TransferLimits
from services.loyalty.ledger.steps.programme import open_programme, store_version
from tests.loyalty.shop import Shop


async def allow_transfers(
    shop: Shop,
    *,
    zone: str = "UTC",
    points_min: int | None = None,
    points_max: int | None = None,
    day_points_max: int | None = None,
    month_points_max: int | None = None,
) -> None:
    """Let members give points within these limits, from the beginning on."""
    limits = TransferLimits(
        points_min=points_min,
        points_max=points_max,
        day_points_max=day_points_max,
        month_points_max=month_points_max,
    )
    async with shop.database.begin() as tx:
        programme = await open_programme(tx, shop.runtime.context)
        document = programme.versions[0].document.model_copy(update={"transfers": limits, "zone": zone})
        await store_version(tx, document, None, "system", replaced=[1])
