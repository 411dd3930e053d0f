"""Recompute every balance, lot, return and tier from facts and postings, and say what differs."""

from collections.abc import Iterator, Sequence

from services.loyalty.domain import attribution
from services.loyalty.domain.wallets import Lot, Wallet
from services.loyalty.storage import checks, programmes, purchases, rebuild
from services.loyalty.storage.rebuild import Rebuilt
from shared.db import Read
from shared.service import Drift, Invariants, Looked

PAGE_MAX = 500
LOOK_MAX = 25
"""Wallets of one look of the running verification: about 10 ms; 100,000 members take two hours."""
LOOKS_MAX = 3
"""A difference counts when it is still there at the last look: writers may have been between two statements."""

LOT_STATE = ("pending", "remaining", "held", "expired", "reversed", "owed", "covered")
WALLET_STATE = ("active", "pending", "held", "owed")


async def drift(read: Read) -> Sequence[Drift]:
    """Everything that is not what facts and postings make it."""
    found: list[Drift] = []
    after = 0
    while page := await rebuild.page(read, after, PAGE_MAX):
        found += await _page(read, after)
        after = page[-1].id
    return found + await _members(read)


async def look(read: Read, after: str) -> Looked:
    """The same for the next few wallets; `after` is the id of the last one."""
    page = await rebuild.page(read, int(after or 0), LOOK_MAX)
    if not page:
        return Looked((), "")
    found = await _look(read, page)
    found += await _members(read, sorted({wallet.owner_id for wallet in page}))
    return Looked(found, str(page[-1].id) if len(page) == LOOK_MAX else "")


async def _members(read: Read, owner_ids: Sequence[str] | None = None) -> list[Drift]:
    """What holds of all wallets of a member together; None: of every member."""
    groups = await checks.miscounted_groups(read, owner_ids)
    owing = await checks.owing_beside_spendable(read, owner_ids)
    return [Drift("group_is_whole", each, "group_size is wrong") for each in groups] + [
        Drift("no_deficit_beside_spendable", each, "owes and could pay") for each in owing
    ]


async def _page(read: Read, after: int) -> list[Drift]:
    found: list[Drift] = []
    for _ in range(LOOKS_MAX):
        stored = await rebuild.page(read, after, PAGE_MAX)
        found = await _look(read, stored)
        if not found:
            break
    return found


async def _look(read: Read, stored: Sequence[Wallet]) -> list[Drift]:
    wallet_ids = [wallet.id for wallet in stored]
    rebuilt = await rebuild.of(read, wallet_ids)
    mine = set(wallet_ids)
    found = [*_lots(rebuilt, mine), *_wallets(rebuilt, stored), *_times(rebuilt)]
    lost = await checks.without_fact(read, rebuilt.causes)
    found += [
        Drift("cause_has_a_fact", f"{kind.name.lower()} {row_id}", "no such row") for kind, row_id in lost
    ]
    for row_id in await checks.miscounted_redemptions(read, wallet_ids):
        found.append(
            Drift("redemption_is_its_postings", f"red_{row_id}", "its postings do not come to its points")
        )
    found += await _reversals(read, [lot for lot in rebuilt.lots.values() if lot.wallet.id in mine])
    return found + await _tiers(read, stored)


def _lots(rebuilt: Rebuilt, mine: set[int]) -> Iterator[Drift]:
    for lot in rebuilt.lots.values():
        if lot.wallet.id not in mine:
            continue
        name, row = f"lot_{lot.id}", rebuilt.stored[lot.id]
        for column in LOT_STATE:
            if getattr(row, column) != getattr(lot, column):
                difference = f"{column} is {getattr(row, column)}, postings say {getattr(lot, column)}"
                yield Drift("lot_is_its_postings", name, difference)
        if rebuilt.granted.get(lot.id, 0) != lot.issued:
            yield Drift(
                "lot_was_granted", name, f"issued {lot.issued}, granted {rebuilt.granted.get(lot.id, 0)}"
            )
        kept = lot.pending + lot.remaining + lot.held + lot.expired - lot.owed - lot.covered
        if lot.issued - lot.reversed != kept + rebuilt.spent.get(lot.id, 0):
            yield Drift("lot_adds_up", name, "issued less reversed is not where its points are")


def _wallets(rebuilt: Rebuilt, stored: Sequence[Wallet]) -> Iterator[Drift]:
    for wallet in stored:
        computed = rebuilt.wallets.get(wallet.id)
        for column in WALLET_STATE:
            expected = getattr(computed, column) if computed else 0
            if getattr(wallet, column) != expected:
                difference = f"{column} is {getattr(wallet, column)}, postings say {expected}"
                yield Drift("wallet_is_its_postings", wallet.identity_id, difference)


def _times(rebuilt: Rebuilt) -> Iterator[Drift]:
    for posting_id in rebuilt.booked_back:
        yield Drift("booking_time_never_goes_back", f"posting {posting_id}", "booked before an earlier one")


async def _reversals(read: Read, lots: Sequence[Lot]) -> list[Drift]:
    """What returns took of each lot, recomputed from the lines bought and the units returned."""
    bought = sorted({lot.purchase_id for lot in lots if lot.purchase_id is not None})
    lines_of = await checks.purchases_behind(read, bought)
    returned = await purchases.returned(read, bought)
    found = []
    for lot in lots:
        lines, units = (
            purchases.lines_of(lines_of.get(lot.purchase_id or 0, ())),
            returned.get(lot.purchase_id or 0, []),
        )
        expected = attribution.points_of(lot.issued, lot.base, lines, units, lot.eligible)
        if expected != lot.reversed:
            difference = f"reversed {lot.reversed}, its units earned {expected}"
            found.append(Drift("reversed_is_what_its_units_earned", f"lot_{lot.id}", difference))
    for row_id, units in returned.items():
        if any(attribution.overlapping(units)):
            found.append(Drift("units_go_back_once", f"purchase {row_id}", "two returns share a unit"))
    return found


async def _tiers(read: Read, stored: Sequence[Wallet]) -> list[Drift]:
    """The trailing windows, recomputed from purchases and returns, and the tiers they reach."""
    programme = await programmes.read(read)
    windows = await purchases.windows(read, programme, stored)
    found = []
    for wallet in stored:
        expected = sum(spend.amount_minor for spend in windows.get(wallet.id, ()))
        if wallet.spend != expected:
            difference = f"spend is {wallet.spend}, its window holds {expected}"
            found.append(Drift("spend_is_its_window", wallet.identity_id, difference))
    owners = await checks.tiers_of(read, sorted({wallet.owner_id for wallet in stored}))
    for owner_id, (tier, spend) in owners.items():
        reached = programme.tiers[programme.level_of(spend)].code
        if (tier or programme.tiers[0].code) != reached:
            found.append(Drift("tier_is_what_spend_reaches", owner_id, f"{tier}, spend reaches {reached}"))
    return found


INVARIANTS = Invariants(
    rules=(
        "group_is_whole",
        "no_deficit_beside_spendable",
        "cause_has_a_fact",
        "redemption_is_its_postings",
        "lot_is_its_postings",
        "lot_was_granted",
        "lot_adds_up",
        "wallet_is_its_postings",
        "booking_time_never_goes_back",
        "reversed_is_what_its_units_earned",
        "units_go_back_once",
        "spend_is_its_window",
        "tier_is_what_spend_reaches",
    ),
    look=look,
)
"""What always holds of a ledger."""
