"""The invariants of earned points: returns took from each lot exactly what the returned units had earned."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.queries import lots
from services.loyalty.ledger.queries.verifying import over_wallets
from services.loyalty.purchases.domain import attribution
from services.loyalty.purchases.queries import orders
from shared.db import Read
from shared.speech import words
from shared.verify.invariants import Drift


async def check(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Recompute what returns took of each lot from the lines bought and the units returned."""
    stored = await lots.of_wallets(read, [wallet.id for wallet in page])
    purchase_ids = sorted({lot.purchase_id for lot in stored if lot.purchase_id is not None})
    lines = await orders.lines_of(read, purchase_ids)
    returned = await orders.returned_units(read, purchase_ids)
    drifts = []
    for lot in stored:
        bought, units = lines.get(lot.purchase_id or 0, ()), returned.get(lot.purchase_id or 0, [])
        expected = attribution.points_of(lot.issued, lot.base, bought, units, lot.eligible)
        if expected != lot.reversed:
            difference = words(__name__, "drift_reversed", reversed=lot.reversed, expected=expected)
            drifts.append(Drift("reversed_is_what_its_units_earned", f"lot_{lot.id}", difference))
    return drifts


INVARIANTS = over_wallets(("reversed_is_what_its_units_earned",), check)
