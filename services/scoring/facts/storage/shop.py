"""The zone in which the days of this database were counted."""

from sqlalchemy import select

from services.scoring.facts.refusals import ZoneChanged
from services.scoring.facts.storage.tables import ShopRecord, shop
from shared.db import Read, Slot, Tx

SHOP_ID = 1
_ZONES: Slot[set[str]] = Slot("scoring.zones", set, snapshot=set)
"""The zone that this transaction has checked; empty before."""


async def fix_zone(tx: Tx, zone: str) -> None:
    """Store the zone when the first fact comes, and check it once per transaction later.

    Raises ZoneChanged when stored days were counted in another zone.
    """
    checked = tx.slot(_ZONES)
    if checked:
        return
    if not await tx.insert_new_records(shop, [ShopRecord(SHOP_ID, zone)]):
        await check_zone(tx, zone)
    checked.add(zone)


async def check_zone(read: Read, zone: str) -> None:
    """Raise ZoneChanged when stored days were counted in another zone."""
    stored = await read.scalar(select(shop.c.zone).where(shop.c.shop_id == SHOP_ID))
    if stored not in (None, zone):
        raise ZoneChanged(stored=stored)
