"""The invariants of rewards: a claim is its postings and its price, a stock its claims, and no member has more than the limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from services.loyalty.earning.queries.stocks import UNLIMITED, all_stocks
from services.loyalty.ledger.domain.postings import Account, CauseKind
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.queries import postings
from services.loyalty.ledger.queries.programme import read_programme
from services.loyalty.ledger.queries.verifying import missing_facts, over_wallets
from services.loyalty.ledger.queries.wallets import members_page
from services.loyalty.rewards.domain import document as documents
from services.loyalty.rewards.domain.document import RewardDocument
from services.loyalty.rewards.storage import claims, rewards
from services.loyalty.rewards.storage.rewards import VersionKey
from services.loyalty.rewards.storage.tables import RewardClaimRecord
from shared.db import Read
from shared.speech import words
from shared.verify.invariants import Drift

RULES = (
    "claim_is_its_postings",
    "claim_came_back_once",
    "claim_has_its_price",
    "claims_are_within_the_limit",
    "stock_is_its_claims",
)
Documents = Mapping[VersionKey, RewardDocument]


async def check(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Compare the claims of these wallets with their postings and with what was promised."""
    stored = await claims.of_wallets(read, [wallet.id for wallet in page])
    drifts = []
    if stored:
        keys = [VersionKey(record.reward, record.version) for record in stored]
        promised = {
            key: documents.parse(version.document)
            for key, version in (await rewards.versions(read, keys)).items()
        }
        zone = (await read_programme(read)).zone_info
        drifts = [
            *await _postings(read, stored),
            *_prices(stored, promised),
            *_limits(stored, promised, zone),
        ]
    kinds = (CauseKind.REWARD_CLAIM, CauseKind.REWARD_RETURN)
    return [*drifts, *await _stocks(read, page), *await missing_facts(read, page, kinds, _known)]


async def _postings(read: Read, stored: Sequence[RewardClaimRecord]) -> list[Drift]:
    row_ids = [record.id for record in stored]
    paid: Counter[int] = Counter()
    for posting in await postings.taken(read, CauseKind.REWARD_CLAIM, row_ids, Account.REDEEMED):
        paid[posting.cause_id] += posting.points
    back: Counter[int] = Counter()
    for posting in await postings.granted(read, CauseKind.REWARD_RETURN, row_ids, Account.REDEEMED):
        back[posting.cause_id] += posting.points
    drifts = []
    for record in stored:
        if paid[record.id] != record.points:
            drifts.append(Drift(RULES[0], _name(record), words(__name__, "drift_redemption")))
        expected = 0 if record.ended_as is None else record.points
        if (came := back[record.id]) != expected:
            difference = words(__name__, "drift_came_back", came=came, expected=expected)
            drifts.append(Drift(RULES[1], _name(record), difference))
    return drifts


def _prices(stored: Sequence[RewardClaimRecord], promised: Documents) -> Iterator[Drift]:
    for record in stored:
        document = promised.get(VersionKey(record.reward, record.version))
        price = None if document is None else document.price.of(record.tier)
        if price != record.points:
            difference = words(__name__, "drift_price", points=record.points, price=price)
            yield Drift(RULES[2], _name(record), difference)


def _limits(stored: Sequence[RewardClaimRecord], promised: Documents, zone: ZoneInfo) -> Iterator[Drift]:
    """Compare each claim with the others of its wallet that counted when it was made.

    A member can have more wallets than one, and so more claims than the limit after a merge. The claims of one wallet never are more.
    """
    earlier: dict[tuple[int, str], list[RewardClaimRecord]] = {}
    for record in stored:  # in the order of their ids
        claims_so_far = earlier.setdefault((record.wallet_id, record.reward), [])
        claims_so_far.append(record)
        document = promised.get(VersionKey(record.reward, record.version))
        if document is None or document.limit is None:
            continue
        since = document.limit.since(record.occurred_at, zone)
        counted = sum(_counts(claim, record, since) for claim in claims_so_far)
        if counted > document.limit.claims:
            difference = words(__name__, "drift_claims", counted=counted, limit=document.limit.claims)
            yield Drift(RULES[3], _name(record), difference)


def _counts(claim: RewardClaimRecord, record: RewardClaimRecord, since: datetime | None) -> bool:
    """Return whether a claim counted when another one of its wallet and reward was made, or is that one."""
    if claim.id == record.id:
        return True
    is_undone = claim.ended_at is not None and claim.ended_at <= record.booked_at
    return not is_undone and (since is None or claim.occurred_at >= since)


async def _stocks(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Compare all stocks with all claims, once in each pass over the wallets: on the page of the first one."""
    first, _ = await members_page(read, 0, 1)
    if not first or first[0][0].id not in {wallet.id for wallet in page}:
        return []
    stocks, pieces = await all_stocks(read), await claims.pieces(read)
    ceilings = {
        version.code: documents.parse(version.document).stock for version in await rewards.all_newest(read)
    }
    drifts = []
    for code in sorted(stocks.keys() | pieces.keys() | ceilings.keys()):
        stock, expected = stocks.get(code), ceilings.get(code)
        used, ceiling = (0, None) if stock is None else (stock.used, stock.ceiling)
        if (used, ceiling) != (pieces.get(code, 0), UNLIMITED if expected is None else expected):
            difference = words(
                __name__,
                "drift_stock",
                used=used,
                claimed=pieces.get(code, 0),
                ceiling=ceiling,
                stock=expected,
            )
            drifts.append(Drift(RULES[4], code, difference))
    return drifts


async def _known(read: Read, kind: CauseKind, row_ids: Sequence[int]) -> Collection[int]:
    found = await claims.by_ids(read, row_ids)
    is_return = kind is CauseKind.REWARD_RETURN
    return {record.id for record in found if not is_return or record.ended_as is not None}


def _name(record: RewardClaimRecord) -> str:
    return f"claim_{record.id}"


INVARIANTS = over_wallets(RULES, check)
