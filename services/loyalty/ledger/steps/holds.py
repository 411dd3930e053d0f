"""Load holds into the members that a transaction holds locked, and store new ones."""

from services.loyalty.ledger.storage.hold_table import HoldRecord
from services.loyalty.ledger.storage.holds import add, identities_with_open, load_open

__all__ = ["HoldRecord", "add", "identities_with_open", "load_open"]
