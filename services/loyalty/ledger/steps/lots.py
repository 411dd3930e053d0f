"""Load lots into the members that a transaction holds locked."""

from services.loyalty.ledger.storage.lots import (
    load_by_id,
    load_latest_of_cap,
    load_of_activity,
    load_of_cap,
    load_of_purchases,
    load_open,
    load_payers,
    load_spendable,
    versions_of_caps,
)

__all__ = [
    "load_by_id",
    "load_latest_of_cap",
    "load_of_activity",
    "load_of_cap",
    "load_of_purchases",
    "load_open",
    "load_payers",
    "load_spendable",
    "versions_of_caps",
]
