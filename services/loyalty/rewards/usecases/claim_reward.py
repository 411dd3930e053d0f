"""Claim a reward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.loyalty.earning.queries.stocks import stocks_of
from services.loyalty.earning.steps.stocks import take_piece
from services.loyalty.ledger.domain import burning
from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Member, Wallet
from services.loyalty.ledger.refusals import InsufficientPoints, KeyUsedBefore, UnknownMember
from services.loyalty.ledger.steps import lots
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.note_balance import note_balance
from services.loyalty.ledger.steps.tell_points import MovedPoints, tell_points
from services.loyalty.rewards.domain import document as documents
from services.loyalty.rewards.domain import offers
from services.loyalty.rewards.domain.document import RewardDocument
from services.loyalty.rewards.domain.offers import Claimant, Offer, RewardHindrance
from services.loyalty.rewards.queries.claim_ids import id_of_claim
from services.loyalty.rewards.queries.member_tier import tier_at
from services.loyalty.rewards.refusals import (
    RewardLimitReached,
    RewardNotForTier,
    RewardNotFound,
    RewardNotYet,
    RewardOver,
    RewardPriceChanged,
    RewardSoldOut,
)
from services.loyalty.rewards.steps.telling import ToldClaim, tell_claim
from services.loyalty.rewards.storage import claims, rewards
from services.loyalty.rewards.storage.rewards import VersionKey
from services.loyalty.rewards.storage.tables import RewardClaimRecord, RewardVersionRecord
from services.loyalty.settings import Settings
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Tx
from shared.events.loyalty import PointsRedeemed, RewardClaimed
from shared.vault import Numbers


@dataclass(frozen=True, slots=True)
class ClaimAsked:
    """A piece of a reward that a member wants. `points`: the price that the caller has seen; None: whatever it costs."""

    caller: Principal
    key: bytes
    identity_id: str
    reward: str
    points: int | None = None


async def claim_reward(tx: Tx, context: Context[Settings], asked: ClaimAsked) -> int:
    """Spend a member's points on a piece of a reward, now, or refuse; return the row id of the claim.

    The reward cannot change meanwhile. The member's lock decides about points and limit, and the last statement about the stock.
    """
    version = await _version(tx, asked.reward)
    document = documents.parse(version.document)
    locked = await lock_wallets(tx, [asked.identity_id], create=False)
    wallet = locked.living(asked.identity_id)
    if wallet is None:
        raise UnknownMember
    if await claims.exists(tx, asked.key):
        raise KeyUsedBefore
    member = locked.member(asked.identity_id)
    booking = await open_booking(tx, locked, [member], rows=1)
    before = member.balance()
    record = await _decide(booking, wallet, version, document, asked)
    await _pay(booking, member, record)
    await claims.add(tx, record)
    await close_booking(booking)
    if not await take_piece(tx, asked.reward):
        raise RewardSoldOut
    numbers = context.vault.numbers
    _tell(booking, numbers, ToldClaim(id_of_claim(numbers, record.id), wallet, record, document))
    note_balance(tx, wallet, before, member.balance())
    return record.id


async def _version(tx: Tx, code: str) -> RewardVersionRecord:
    """Return the newest version of a reward that can be claimed. Raises RewardNotFound."""
    reward = await rewards.find_for_claim(tx, code)
    if reward is None or reward.archived:
        raise RewardNotFound
    key = VersionKey(code, reward.version)
    return (await rewards.versions(tx, [key]))[key]


async def _decide(
    booking: Booking,
    wallet: Wallet,
    version: RewardVersionRecord,
    document: RewardDocument,
    asked: ClaimAsked,
) -> RewardClaimRecord:
    """Return the claim with its price. Raises a refusal for everything that hinders the member."""
    tx, now, member = booking.tx, booking.journal.now, booking.locked.member(wallet.identity_id)
    tier = await tier_at(tx, booking.programme, booking.locked, wallet.identity_id, now)
    claimed = 0
    if document.limit is not None:
        since = document.limit.since(now, booking.programme.zone_info)
        wallet_ids = [owned.id for owned in member.wallets]
        claimed = await claims.count_held(tx, wallet_ids, asked.reward, since)
    stock = (await stocks_of(tx, [asked.reward]))[asked.reward]
    active = member.balance().active
    offer = offers.offer(document, Claimant(tier, active, claimed), stock.room, now)
    if offer.price is not None and asked.points not in (None, offer.price):
        raise RewardPriceChanged(price=offer.price, extra={"points": offer.price})
    _refuse(document, offer, active)
    assert offer.price is not None, "a reward without a price is not for the tier"
    return RewardClaimRecord(
        id=booking.journal.next_id(),
        key=asked.key,
        wallet_id=wallet.id,
        identity_id=wallet.identity_id,
        issuer=asked.caller.issuer,
        reward=asked.reward,
        version=version.version,
        tier=tier,
        points=offer.price,
        occurred_at=now,
        booked_at=max(wallet.last_booked_at, now),
        updated_at=now,
    )


def _refuse(document: RewardDocument, offer: Offer, active: int) -> None:
    """Raise the refusal of the first hindrance, if there is one."""
    most = 0 if document.limit is None else document.limit.claims
    refusals: dict[RewardHindrance, Callable[[], Exception]] = {
        RewardHindrance.NOT_YET: RewardNotYet,
        RewardHindrance.OVER: RewardOver,
        RewardHindrance.NOT_FOR_TIER: RewardNotForTier,
        RewardHindrance.SOLD_OUT: RewardSoldOut,
        RewardHindrance.LIMIT_REACHED: lambda: RewardLimitReached(most=most),
        RewardHindrance.TOO_FEW_POINTS: lambda: InsufficientPoints(active=active, asked=offer.price),
    }
    for hindrance in offer.hindrances:
        raise refusals[hindrance]()


async def _pay(booking: Booking, member: Member, record: RewardClaimRecord) -> None:
    """Take the points out of the member's lots, those that expire first going first."""
    await lots.load_spendable(booking.tx, booking.locked, member, record.points)
    posted = PostingCause(CauseKind.REWARD_CLAIM, record.id)
    journal = booking.journal
    burning.burn(journal, member, posted, record.points, Account.REDEEMED, journal.now)
    journal.touch(booking.locked.by_id[record.wallet_id])


def _tell(booking: Booking, numbers: Numbers, told: ToldClaim) -> None:
    """Publish the claim, and the points that it took from each wallet."""
    posted, now = PostingCause(CauseKind.REWARD_CLAIM, told.record.id), booking.journal.now
    for wallet_id, points in booking.journal.points_by_wallet(posted, Account.REDEEMED).items():
        paid = MovedPoints(booking.locked.by_id[wallet_id], points, told.cause, posted, now)
        tell_points(booking.tx, numbers, booking.programme, PointsRedeemed, paid)
    tell_claim(booking.tx, RewardClaimed, told, now)
