"""Verify wallets page by page: the frame of what every capability promises of the rows of a member."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence

from services.loyalty.ledger.domain.postings import CauseKind
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.storage import postings, wallets
from shared.db import Read
from shared.speech import words
from shared.verify.invariants import Drift, Invariants, Looked

PAGE_MAX = 500
LOOK_MAX = 25
"""The wallets of one look of the running verification: about 10 ms; 100,000 members take two hours."""
LOOKS_MAX = 3
"""A drift counts when the last look still finds it: a writer may have come between two statements of a look."""

Check = Callable[[Read, Sequence[Wallet]], Awaitable[list[Drift]]]
"""Looks at everything that belongs to these wallets, and returns every drift."""
KnownFacts = Callable[[Read, CauseKind, Sequence[int]], Awaitable[Collection[int]]]
"""Returns those of these row ids that a fact of this kind has."""


def over_wallets(rules: Sequence[str], check: Check) -> Invariants:
    """Return invariants that are looked at for a few wallets at a time, or for all of them."""

    async def look(read: Read, after: str) -> Looked:
        page = await wallets.page(read, int(after or 0), LOOK_MAX)
        drifts = await check(read, page) if page else []
        return Looked(drifts, str(page[-1].id) if len(page) == LOOK_MAX else "")

    async def verify(read: Read) -> Sequence[Drift]:
        drifts: list[Drift] = []
        after = 0
        while page := await wallets.page(read, after, PAGE_MAX):
            drifts += await _settled(read, after, check)
            after = page[-1].id
        return list(dict.fromkeys(drifts))

    return Invariants(rules, look, verify)


async def missing_facts(
    read: Read, page: Sequence[Wallet], kinds: Sequence[CauseKind], known: KnownFacts
) -> list[Drift]:
    """Return a drift for every posting on these wallets whose cause, of one of these kinds, is no fact."""
    drifts = []
    for kind in kinds:
        asked = await postings.cause_ids(read, kind, [wallet.id for wallet in page])
        facts = await known(read, kind, asked) if asked else ()
        drifts += [
            Drift("cause_has_a_fact", f"{kind.name.lower()} {row_id}", words(__name__, "drift_no_row"))
            for row_id in asked
            if row_id not in facts
        ]
    return drifts


async def _settled(read: Read, after: int, check: Check) -> list[Drift]:
    """Return the drifts of the page that begins after this wallet, as the last of up to `LOOKS_MAX` looks finds them."""
    drifts: list[Drift] = []
    for _ in range(LOOKS_MAX):
        drifts = await check(read, await wallets.page(read, after, PAGE_MAX))
        if not drifts:
            break
    return drifts
