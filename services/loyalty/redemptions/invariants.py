"""The invariants of redemptions: the postings of a redemption add up to its points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from services.loyalty.ledger.domain.postings import Account, CauseKind
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.queries import postings
from services.loyalty.ledger.queries.verifying import missing_facts, over_wallets
from services.loyalty.redemptions.storage import redemptions
from shared.db import Read
from shared.speech import words
from shared.verify.invariants import Drift


async def check(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Compare the redemptions of these wallets with their postings."""
    booked = await redemptions.of_wallets(read, [wallet.id for wallet in page])
    paid: Counter[int] = Counter()
    if booked:
        row_ids = [redemption.id for redemption in booked]
        for posting in await postings.taken(read, CauseKind.REDEMPTION, row_ids, Account.REDEEMED):
            paid[posting.cause_id] += posting.points
    drifts = [
        Drift(
            "redemption_is_its_postings",
            f"red_{redemption.id}",
            words(__name__, "drift_redemption"),
        )
        for redemption in booked
        if paid[redemption.id] != redemption.points
    ]
    return drifts + await missing_facts(read, page, (CauseKind.REDEMPTION,), _known)


async def _known(read: Read, _kind: CauseKind, row_ids: Sequence[int]) -> Collection[int]:
    return {record.id for record in await redemptions.by_ids(read, row_ids)}


INVARIANTS = over_wallets(("redemption_is_its_postings",), check)
