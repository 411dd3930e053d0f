"""The invariants of opening balances: each brought its points into one lot, with the dates of its row."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from services.loyalty.ledger.domain.postings import Account, CauseKind
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.queries import lots, postings
from services.loyalty.ledger.queries.verifying import missing_facts, over_wallets
from services.loyalty.openings.storage import openings
from services.loyalty.openings.storage.tables import OpeningRecord
from shared.db import Read
from shared.speech import words
from shared.verify.invariants import Drift

RULE = "opening_is_its_lot"


async def check(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Compare the opening balances of these wallets with the lots that their postings made."""
    brought = await openings.of_wallets(read, [wallet.id for wallet in page])
    drifts = [*await _differing(read, brought)] if brought else []
    return drifts + await missing_facts(read, page, (CauseKind.OPENING,), _known)


async def _differing(read: Read, brought: Sequence[OpeningRecord]) -> Iterator[Drift]:
    row_ids = [record.id for record in brought]
    granted = await postings.granted(read, CauseKind.OPENING, row_ids, Account.OPENING)
    of_cause = {grant.cause_id: grant for grant in granted}
    stored = {lot.id: lot for lot in await lots.by_ids(read, [grant.lot_id for grant in granted])}

    def is_right(record: OpeningRecord) -> bool:
        grant = of_cause.get(record.id)
        lot = None if grant is None else stored.get(grant.lot_id)
        if grant is None or lot is None or len(granted) != len(of_cause):
            return False
        expires_at = lot.expires_at if record.expires_at is None else record.expires_at
        expected = (record.points, record.wallet_id, record.points)
        dates = (record.earned_at, record.available_at, expires_at)
        return (grant.points, lot.wallet_id, lot.issued) == expected and dates == (
            lot.earned_at,
            lot.available_at,
            lot.expires_at,
        )

    return (
        Drift(RULE, f"opening {record.id}", words(__name__, "drift_opening"))
        for record in brought
        if not is_right(record)
    )


async def _known(read: Read, _kind: CauseKind, row_ids: Sequence[int]) -> Collection[int]:
    return {record.id for record in await openings.by_ids(read, row_ids)}


INVARIANTS = over_wallets((RULE,), check)
