"""Note in the audit trail what an operator did to the points of a member."""

from services.loyalty.ledger.domain.wallets import Points, Wallet
from shared import audit
from shared.audit import Change
from shared.db import Tx


def note_balance(tx: Tx, wallet: Wallet, before: Points, after: Points) -> None:
    """Note the member, and the points that differ before and after."""
    changes = [
        Change(wallet.owner_id, f"points_{name}", getattr(before, name), getattr(after, name))
        for name in ("active", "pending", "held")
        if getattr(before, name) != getattr(after, name)
    ]
    audit.note(tx, customer_id=wallet.owner_id, identity_id=wallet.identity_id, changes=changes)
