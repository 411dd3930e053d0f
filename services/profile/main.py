"""The profile service: who customers are, and what they bought."""

from pathlib import Path

from services.profile.access import capability as access
from services.profile.people import capability as people
from services.profile.purchases import capability as purchases
from services.profile.settings import Settings
from shared.service import Service


def service(settings: Settings) -> Service:
    """Return the table of contents."""
    return Service(
        title="Huitou profile",
        description="Takes in purchases and returns, finds whose they are, and keeps the customer record.",
        tags={
            "customers": "Customers, and the identifiers that lead to them.",
            "purchases": "Purchases of customers, one by one or in batches.",
            "tokens": "Tokens that partners get for their API keys.",
            "returns": "Returns of units of a purchase, one by one or in batches.",
            "imports": "Purchases from a file.",
            "exports": "Files of purchases.",
        },
        settings=settings,
        capabilities=(people.CAPABILITY, purchases.CAPABILITY, access.CAPABILITY),
        migrations=Path(__file__).parent / "storage" / "migrations",
    )
