"""The invariants of the ledger: balances and lots are what their postings make them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Term, Wallet
from services.loyalty.ledger.queries.verifying import missing_facts, over_wallets
from services.loyalty.ledger.storage import checks, holds, postings, rebuild, terms, transactions
from services.loyalty.ledger.storage.rebuild import Rebuilt
from services.loyalty.ledger.storage.tables import LotRecord
from services.loyalty.parameters import plain_number
from shared.db import Read
from shared.events.loyalty import PointsEarned, PointsGiven, PointsReceived, PointsRedeemed, PointsReversed
from shared.events.profile import CustomerRegistered
from shared.speech import words
from shared.vault import Vault
from shared.verify.event_rules import EventRule, Fact, read_rows
from shared.verify.invariants import Drift

RULES = (
    "group_is_whole",
    "no_deficit_beside_spendable",
    "held_is_of_open_holds",
    "hold_is_its_postings",
    "cause_has_a_fact",
    "lot_is_its_postings",
    "lot_was_granted",
    "lot_adds_up",
    "expiry_is_its_terms",
    "wallet_is_its_postings",
    "booking_time_never_goes_back",
)
LOT_STATE = ("pending", "remaining", "held", "expired", "reversed", "owed", "covered")
WALLET_STATE = ("active", "pending", "held", "owed")


async def check(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Recompute these wallets and their lots from postings, and return every difference."""
    wallet_ids = [wallet.id for wallet in page]
    rebuilt = await rebuild.of(read, wallet_ids)
    return [
        *await _members(read, sorted({wallet.owner_id for wallet in page})),
        *await _holds(read, wallet_ids),
        *_lots(rebuilt, set(wallet_ids)),
        *await _terms(read, rebuilt, set(wallet_ids)),
        *_wallets(rebuilt, page),
        *_times(rebuilt),
        *await missing_facts(read, page, list(checks.FACTS), checks.known_facts),
    ]


async def _members(read: Read, owner_ids: Sequence[str]) -> list[Drift]:
    """Check all wallets of each of these members together."""
    miscounted = await checks.miscounted_groups(read, owner_ids)
    owing = await checks.owing_beside_spendable(read, owner_ids)
    misheld = await checks.misheld(read, owner_ids)
    return [
        Drift(rule, owner_id, words(__name__, sentence))
        for rule, sentence, drifted in (
            ("group_is_whole", "drift_group_size", miscounted),
            ("no_deficit_beside_spendable", "drift_owes", owing),
            ("held_is_of_open_holds", "drift_held", misheld),
        )
        for owner_id in drifted
    ]


async def _holds(read: Read, wallet_ids: Sequence[int]) -> list[Drift]:
    """Compare the holds of these wallets with the postings that began them."""
    stored = await holds.of_wallets(read, wallet_ids)
    taken: Counter[int] = Counter()
    if stored:
        row_ids = [record.id for record in stored]
        for posting in await postings.taken(read, CauseKind.HOLD, row_ids, Account.HELD):
            taken[posting.cause_id] += posting.points
    return [
        Drift("hold_is_its_postings", f"hold_{record.id}", words(__name__, "drift_hold"))
        for record in stored
        if taken[record.id] != record.points
    ]


def _lots(rebuilt: Rebuilt, wallet_ids: set[int]) -> Iterator[Drift]:
    for lot in rebuilt.lots.values():
        if lot.wallet.id not in wallet_ids:
            continue
        name, stored = f"lot_{lot.id}", rebuilt.stored[lot.id]
        for column in LOT_STATE:
            if getattr(stored, column) != getattr(lot, column):
                difference = words(
                    __name__,
                    "drift_lot_differs",
                    column=column,
                    stored=getattr(stored, column),
                    expected=getattr(lot, column),
                )
                yield Drift("lot_is_its_postings", name, difference)
        granted = rebuilt.granted.get(lot.id, 0)
        if granted != lot.issued:
            yield Drift(
                "lot_was_granted", name, words(__name__, "drift_issued", issued=lot.issued, granted=granted)
            )
        present = lot.pending + lot.remaining + lot.held + lot.expired - lot.owed - lot.covered
        if lot.issued - lot.reversed != present + rebuilt.spent.get(lot.id, 0):
            yield Drift("lot_adds_up", name, words(__name__, "drift_lot_leaks"))


async def _terms(read: Read, rebuilt: Rebuilt, wallet_ids: set[int]) -> list[Drift]:
    """Compare the expiry of lots that slide with the terms that moved it, of which each begins where the one before ended."""
    ours = [lot for lot in rebuilt.stored.values() if lot.wallet_id in wallet_ids]
    moved = [lot.id for lot in ours if lot.slides or lot.term_id is not None]
    of_lot = await terms.of_lots(read, moved) if moved else {}
    return [
        Drift("expiry_is_its_terms", f"lot_{lot.id}", words(__name__, "drift_expiry"))
        for lot in ours
        if not _are_its_terms(lot, of_lot.get(lot.id, []))
    ]


def _are_its_terms(lot: LotRecord, of_lot: Sequence[Term]) -> bool:
    if not of_lot:
        return lot.term_id is None
    follows = all(earlier.expires_at == later.former_expires_at for earlier, later in pairwise(of_lot))
    is_own = all(term.wallet_id == lot.wallet_id for term in of_lot)
    return follows and is_own and (lot.term_id, lot.expires_at) == (of_lot[-1].id, of_lot[-1].expires_at)


def _wallets(rebuilt: Rebuilt, page: Sequence[Wallet]) -> Iterator[Drift]:
    for wallet in page:
        computed = rebuilt.wallets.get(wallet.id)
        for column in WALLET_STATE:
            expected = getattr(computed, column) if computed else 0
            if getattr(wallet, column) != expected:
                difference = words(
                    __name__,
                    "drift_wallet_differs",
                    column=column,
                    stored=getattr(wallet, column),
                    expected=expected,
                )
                yield Drift("wallet_is_its_postings", wallet.identity_id, difference)


def _times(rebuilt: Rebuilt) -> Iterator[Drift]:
    for posting_id in rebuilt.booked_back:
        yield Drift(
            "booking_time_never_goes_back", f"posting {posting_id}", words(__name__, "drift_booked_before")
        )


def _registered(event: CustomerRegistered) -> Fact:
    return Fact(event.identity_id)


def _gained(event: PointsEarned | PointsReceived) -> Fact:
    return Fact(event.transaction_id, (event.points,), f"{event.identity_id}+")


def _lost(event: PointsRedeemed | PointsReversed | PointsGiven) -> Fact:
    return Fact(event.transaction_id, (-event.points,), event.identity_id)


def _transaction(row: Sequence[Any]) -> Fact | None:  # each column has its own type
    """Return the fact of a transaction; one that moved no points of members is not told.

    A transfer is told to both members, so its events come to nothing together, and so may those of an unmerge.
    """
    kind, cause_id, points, issued = row
    prefix = PostingCause(CauseKind(kind), cause_id).prefix
    is_told = points or kind == CauseKind.TRANSFER or (kind == CauseKind.OWNERSHIP and issued)
    return Fact(f"{prefix}_{cause_id}", (int(points),)) if is_told else None


def _with_number(vault: Vault, transaction_id: str) -> str | None:
    """Return the id of a transaction with the number of its row, as it was told before numbers had names."""
    prefix = transaction_id.rpartition("_")[0]
    if plain_number(prefix, transaction_id) is not None:
        return transaction_id
    number = vault.numbers.number(prefix, transaction_id)
    return None if number is None else f"{prefix}_{number}"


INVARIANTS = replace(
    over_wallets(RULES, check),
    event_rules=(
        EventRule(
            "member_is_known",
            {CustomerRegistered: _registered},
            read_rows(transactions.MEMBERS),
            rows_need_events=False,
        ),
        EventRule(
            "transaction_has_its_event",
            {
                PointsEarned: _gained,
                PointsReceived: _gained,
                PointsRedeemed: _lost,
                PointsReversed: _lost,
                PointsGiven: _lost,
            },
            read_rows(transactions.TRANSACTIONS, 2, _transaction),
            id_of_row=_with_number,
        ),
    ),
)
