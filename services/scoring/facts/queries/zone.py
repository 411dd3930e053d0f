"""Check that days are still counted in the same zone."""

from services.scoring.facts.storage import shop
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Read


async def check_zone(read: Read, context: Context[Settings]) -> None:
    """Raise ZoneChanged when stored days were counted in another zone than that of the settings."""
    await shop.check_zone(read, context.settings.zone)
