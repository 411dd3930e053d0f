"""Save a coupon."""

from __future__ import annotations

from services.loyalty.coupons.domain import codes as spelling
from services.loyalty.coupons.domain import document as documents
from services.loyalty.coupons.domain.document import CouponDocument, CouponKind
from services.loyalty.coupons.queries.accept_codes import look_up_of
from services.loyalty.coupons.refusals import (
    COUPONS_MAX,
    CodeTaken,
    CouponInvalid,
    CouponKept,
    TooManyCoupons,
)
from services.loyalty.coupons.storage import codes, coupons
from services.loyalty.coupons.storage.coupons import VersionKey
from services.loyalty.coupons.storage.tables import CouponCodeRecord, CouponRecord, CouponVersionRecord
from services.loyalty.earning.domain.budgets import CEILING_MAX, uses_of
from services.loyalty.earning.steps.uses import set_ceilings
from services.loyalty.http import refuse_faults
from services.loyalty.ledger.steps.programme import lock_programme, open_programme
from services.loyalty.ledger.steps.row_ids import reserve_ids
from services.loyalty.settings import Settings
from shared import audit
from shared.audit import Change
from shared.context import Context
from shared.db import Tx
from shared.preconditions import Precondition


async def save_coupon(
    tx: Tx,
    context: Context[Settings],
    code: str,
    document: CouponDocument,
    author: str,
    precondition: Precondition,
    *,
    archived: bool = False,
) -> None:
    """Store a version of a coupon, with its limits, and the code of a new generic one. The same document once more changes nothing.

    Holds keep the version that they were promised by. Raises CouponInvalid, CouponKept, CodeTaken, PreconditionFailed and TooManyCoupons.
    """
    await open_programme(tx, context)
    await lock_programme(tx)
    refuse_faults([*documents.faults(document)], CouponInvalid)
    former = await coupons.find(tx, code)
    precondition.check(None if former is None else former.version)
    if former is not None:
        key = VersionKey(code, former.version)
        stored = documents.parse((await coupons.versions(tx, [key]))[key].document)
        if former.archived == archived and stored == document:
            return
        if stored.kind is not document.kind or _text(stored) != _text(document):
            raise CouponKept
    elif await coupons.count(tx) >= COUPONS_MAX:
        raise TooManyCoupons
    version = 1 if former is None else former.version + 1
    saved = CouponRecord(
        code=code,
        version=version,
        kind=document.kind.value,
        archived=archived,
        created_at=tx.now if former is None else former.created_at,
        updated_at=tx.now,
    )
    text = documents.canonical(document)
    await coupons.save(tx, saved, CouponVersionRecord(code, version, text, archived, author, tx.now))
    limits = document.limits
    of_channels = {uses_of(code, channel): uses for channel, uses in limits.channels.items()}
    await set_ceilings(tx, {uses_of(code): limits.uses, **of_channels})
    if former is None and document.kind is CouponKind.GENERIC:
        await _add_code(tx, context, code, _text(document))
    audit.note(tx, changes=[Change(code, "version", None if former is None else former.version, version)])


def _text(document: CouponDocument) -> str:
    """Return the code of a generic coupon in its only spelling, and nothing for a unique one."""
    return spelling.spelled(document.text or "")


async def _add_code(tx: Tx, context: Context[Settings], coupon: str, text: str) -> None:
    look_up = look_up_of(context.vault, text)
    if await codes.by_look_ups(tx, [look_up]):
        raise CodeTaken
    (row_id,) = await reserve_ids(tx, 1)
    await codes.add(tx, [CouponCodeRecord(row_id, coupon, None, 0, look_up, CEILING_MAX, 0, 0)])
