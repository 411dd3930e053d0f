"""The invariants of activities: postings have their activity, and a reversal is of the same wallet as its activity."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from services.loyalty.activities.storage import activities
from services.loyalty.ledger.domain.postings import CauseKind
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.queries.verifying import missing_facts, over_wallets
from shared.db import Read
from shared.speech import words
from shared.verify.invariants import Drift

RULE = "reversal_is_of_its_activity"


async def check(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Look for reversals of another wallet than their activity's, and for postings without their activity or reversal."""
    done = await activities.of_wallets(read, [wallet.id for wallet in page])
    reversed_ = await activities.reversals_of(read, [record.id for record in done]) if done else {}
    elsewhere = [
        Drift(RULE, f"activity {record.id}", words(__name__, "drift_reversal"))
        for record in done
        if record.id in reversed_ and reversed_[record.id].wallet_id != record.wallet_id
    ]
    kinds = (CauseKind.ACTIVITY, CauseKind.ACTIVITY_REVERSAL)
    return elsewhere + await missing_facts(read, page, kinds, _known)


async def _known(read: Read, kind: CauseKind, row_ids: Sequence[int]) -> Collection[int]:
    if kind is CauseKind.ACTIVITY:
        return {record.id for record in await activities.by_ids(read, row_ids)}
    return {record.id for record in await activities.reversals_by_ids(read, row_ids)}


INVARIANTS = over_wallets((RULE,), check)
