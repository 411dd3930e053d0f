"""The invariants of transfers: the postings come to the points, and each lot that was made has the dates of the lot that gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from services.loyalty.ledger.domain.postings import Account, CauseKind
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.queries import lots, postings
from services.loyalty.ledger.queries.verifying import missing_facts, over_wallets
from services.loyalty.transfers.storage import transfers
from shared.db import Read
from shared.speech import words
from shared.verify.invariants import Drift

RULES = ("transfer_is_its_postings", "gift_has_the_dates_of_its_origin")


async def check(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Compare the transfers that came from these wallets with their postings and lots."""
    made = await transfers.of_wallets(read, [wallet.id for wallet in page])
    row_ids = [record.id for record in made]
    moved = await postings.between_lots(read, CauseKind.TRANSFER, row_ids, Account.ACTIVE) if made else []
    gave: Counter[int] = Counter()
    for crossing in moved:
        gave[crossing.cause_id] += crossing.points
    drifts = [
        Drift(RULES[0], f"transfer {record.id}", words(__name__, "drift_transfer"))
        for record in made
        if gave[record.id] != record.points
    ]
    sides = {lot_id for crossing in moved for lot_id in (crossing.lot_id, crossing.to_lot_id)}
    stored = {lot.id: lot for lot in await lots.by_ids(read, sorted(sides))} if sides else {}
    moved_on = await lots.terms_of(read, sorted(sides)) if sides else {}
    for crossing in moved:
        origin, gift = stored[crossing.lot_id], stored[crossing.to_lot_id]
        expected = (origin.id, origin.earned_at, crossing.points)
        ends = {origin.expires_at, *(term.former_expires_at for term in moved_on.get(origin.id, ()))}
        given = next((term.former_expires_at for term in moved_on.get(gift.id, ())), gift.expires_at)
        if (gift.origin_lot_id, gift.earned_at, gift.issued) != expected or given not in ends:
            drifts.append(Drift(RULES[1], f"lot_{gift.id}", words(__name__, "drift_gift")))
    return drifts + await missing_facts(read, page, (CauseKind.TRANSFER,), _known)


async def _known(read: Read, _kind: CauseKind, row_ids: Sequence[int]) -> Collection[int]:
    return {record.id for record in await transfers.by_ids(read, row_ids)}


INVARIANTS = over_wallets(RULES, check)
