"""The zone in which the days of this database were counted."""

from sqlalchemy import select

from services.scoring.storage.tables import shop
from shared.db import Read, Slot, Tx
from shared.errors import DomainError, Kind

SHOP_ID = 1
_ZONES: Slot[set[str]] = Slot("scoring.zones", set, snapshot=set)
"""The zone that this transaction has checked, or nothing."""


class ZoneChanged(DomainError):
    """Days are counted in another zone than those already stored."""

    kind, code = Kind.UNAVAILABLE, "zone_changed"


async def fix_zone(tx: Tx, zone: str) -> None:
    """Remember the zone of the first fact; raises ZoneChanged when it is another one now. Asked once a transaction."""
    checked = tx.slot(_ZONES)
    if checked:
        return
    if not await tx.insert_new(shop, [{"shop_id": SHOP_ID, "zone": zone}]):
        await check_zone(tx, zone)
    checked.add(zone)


async def check_zone(read: Read, zone: str) -> None:
    """Raise ZoneChanged when stored days were counted in another zone."""
    stored = await read.scalar(select(shop.c.zone).where(shop.c.shop_id == SHOP_ID))
    if stored not in (None, zone):
        raise ZoneChanged(stored=stored)
