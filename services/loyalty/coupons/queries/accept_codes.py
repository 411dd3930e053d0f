"""Look codes up that somebody typed for a cart, and say which of them the cart can have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from services.loyalty.coupons.domain import codes as spelling
from services.loyalty.coupons.domain import document as documents
from services.loyalty.coupons.domain import judging
from services.loyalty.coupons.domain.accepting import (
    NO_CODES,
    AcceptedCode,
    AcceptedCodes,
    RefusedCode,
    short_of_room,
)
from services.loyalty.coupons.domain.document import CouponDocument
from services.loyalty.coupons.domain.judging import CodeRefusal, Standing
from services.loyalty.coupons.storage import claims, codes, coupons
from services.loyalty.coupons.storage.claims import Freeable
from services.loyalty.coupons.storage.tables import CouponClaimRecord, CouponCodeRecord, CouponVersionRecord
from services.loyalty.earning.domain.budgets import BudgetKey, Quota, uses_of
from services.loyalty.earning.queries.uses import uses
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read
from shared.vault import Vault

__all__ = [
    "NO_CODES",
    "AcceptedCode",
    "AcceptedCodes",
    "CodeRefusal",
    "CodesAsked",
    "RefusedCode",
    "accept_codes",
]

LOOK_UP_BYTES = 16


@dataclass(frozen=True, slots=True)
class CodesAsked:
    """Codes that somebody typed for a cart. `wallet_ids`: the member; none: a cart without a member.

    `replaces`: the hold whose place the cart takes. None: the cart is only quoted, so that it may take the place of any hold of the member.
    """

    typed: Sequence[str]
    wallet_ids: Sequence[int]
    channel: str | None
    at: datetime
    replaces: Sequence[int] | None = None


def look_up_of(vault: Vault, text: str) -> bytes:
    """Return the keyed hash by which a code in its only spelling is found."""
    return vault.digest("coupon.code", text.encode())[:LOOK_UP_BYTES]


async def accept_codes(read: Read, context: Context[Settings], asked: CodesAsked) -> AcceptedCodes:
    """Return which codes a cart can have, and why it cannot have the others. Nothing is written.

    A text that cannot be a code is refused without a look-up, and a code that does not exist has the same answer.
    """
    if not asked.typed:
        return NO_CODES
    texts = {number: spelling.spelled(typed) for number, typed in enumerate(asked.typed, 1)}
    look_ups = {
        number: look_up_of(context.vault, text) for number, text in texts.items() if spelling.may_exist(text)
    }
    records = await codes.by_look_ups(read, list(look_ups.values())) if look_ups else {}
    found = {number: records[look_up] for number, look_up in look_ups.items() if look_up in records}
    if not found:
        return AcceptedCodes((), tuple(RefusedCode(number, CodeRefusal.CODE_NOT_VALID) for number in texts))
    judge = await _judge(read, context, asked, list(found.values()))
    usable: list[AcceptedCode] = []
    refused: list[RefusedCode] = []
    for number in texts:
        answer = judge.answer(number, found.get(number), {code.coupon for code in usable})
        if isinstance(answer, AcceptedCode):
            usable.append(answer)
        else:
            refused.append(answer)
    return AcceptedCodes(tuple(usable), tuple(refused))


@dataclass(frozen=True, slots=True)
class _Judge:
    """Everything that decides about the codes of one cart."""

    asked: CodesAsked
    versions: Mapping[str, CouponVersionRecord]
    documents: Mapping[str, CouponDocument]
    spans: Mapping[int, tuple[datetime | None, datetime | None]]
    """The times of batches, by their row ids."""
    quotas: Mapping[BudgetKey, Quota]
    freed: Sequence[CouponClaimRecord]
    uses: Mapping[str, int]

    def answer(
        self, number: int, record: CouponCodeRecord | None, taken: Collection[str]
    ) -> AcceptedCode | RefusedCode:
        """Return whether a code can be used, after those of the coupons `taken`."""
        if record is None:
            return RefusedCode(number, CodeRefusal.CODE_NOT_VALID)
        coupon, version = record.coupon, self.versions[record.coupon]
        document = self.documents[coupon]
        begin, end = (None, None) if record.batch_id is None else self.spans[record.batch_id]
        channel = self.asked.channel if self.asked.channel in document.limits.channels else None
        standing = Standing(
            document=document,
            is_archived=version.archived,
            batch_from=begin,
            batch_until=end,
            room=record.room + sum(claim.code_id == record.id for claim in self.freed),
            room_of_coupon=self._room(uses_of(coupon)),
            room_of_channel=None if channel is None else self._room(uses_of(coupon, channel)),
            uses=self.uses.get(coupon) if self.asked.wallet_ids else None,
        )
        reason = judging.refusal(standing, self.asked.at)
        if reason is None and coupon in taken:
            reason = CodeRefusal.SAME_COUPON
        if reason is not None:
            return RefusedCode(number, reason, coupon, document)
        return AcceptedCode(number, record.id, coupon, version.version, document)

    def _room(self, key: BudgetKey) -> int:
        return self.quotas[key].room + sum(key.stored in claim.quotas for claim in self.freed)


async def _judge(
    read: Read, context: Context[Settings], asked: CodesAsked, records: Sequence[CouponCodeRecord]
) -> _Judge:
    names = sorted({record.coupon for record in records})
    versions = await coupons.newest(read, names)
    found = {coupon: documents.parse(version.document) for coupon, version in versions.items()}
    batches = await codes.batches(
        read, sorted({record.batch_id for record in records if record.batch_id is not None})
    )
    quotas = await uses(read, _quotas(found, asked.channel))
    replaced = asked.replaces
    if replaced is None:
        replaced = await claims.open_holds(read, asked.wallet_ids, names) if asked.wallet_ids else ()
    freed = await claims.freeable(
        read,
        Freeable(
            now=asked.at,
            code_ids=[record.id for record in records],
            coupons=names,
            short=short_of_room(quotas),
            wallet_ids=asked.wallet_ids,
            hold_ids=replaced,
        ),
    )
    zone = (await programme_or_default(read, context)).zone_info
    counted = await _uses(read, asked, found, zone, replaced)
    spans = {batch.id: (batch.valid_from, batch.valid_until) for batch in batches.values()}
    return _Judge(asked, versions, found, spans, quotas, freed, counted)


def _quotas(found: Mapping[str, CouponDocument], channel: str | None) -> list[BudgetKey]:
    keys = [uses_of(coupon) for coupon in found]
    return keys + [
        uses_of(coupon, channel) for coupon, document in found.items() if channel in document.limits.channels
    ]


async def _uses(
    read: Read,
    asked: CodesAsked,
    found: Mapping[str, CouponDocument],
    zone: ZoneInfo,
    without: Iterable[int],
) -> dict[str, int]:
    """Return how often the member used each coupon in its period of now."""
    counted = {}
    for coupon, document in found.items():
        limit = document.limits.member
        if limit is not None and asked.wallet_ids:
            since = limit.since(asked.at, zone)
            counted[coupon] = await claims.count_uses(
                read, asked.wallet_ids, coupon, since, asked.at, list(without)
            )
    return counted
