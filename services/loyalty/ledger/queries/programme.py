"""Read the programme."""

from services.loyalty.ledger.storage.programmes import read as read_programme

__all__ = ["read_programme"]
