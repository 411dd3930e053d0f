"""Store versions of rewards."""

from __future__ import annotations

from services.loyalty.earning.steps.stocks import set_stock
from services.loyalty.rewards.domain import document as documents
from services.loyalty.rewards.domain.document import RewardDocument
from services.loyalty.rewards.refusals import REWARDS_MAX, TooManyRewards
from services.loyalty.rewards.storage import rewards
from services.loyalty.rewards.storage.rewards import VersionKey
from services.loyalty.rewards.storage.tables import RewardRecord, RewardVersionRecord
from shared import audit
from shared.audit import Change
from shared.db import Tx
from shared.preconditions import Precondition


async def store_reward(
    tx: Tx,
    code: str,
    document: RewardDocument,
    author: str,
    precondition: Precondition,
    *,
    archived: bool = False,
) -> None:
    """Store a version of a reward, with its stock. The same document once more changes nothing. The caller has locked the programme.

    Raises PreconditionFailed, TooManyRewards and StockBelowUse.
    """
    former = await rewards.find(tx, code)
    precondition.check(None if former is None else former.version)
    text = documents.canonical(document)
    if former is None:
        if await rewards.count(tx) >= REWARDS_MAX:
            raise TooManyRewards
    elif former.archived == archived and await _text(tx, former) == text:
        return
    version = 1 if former is None else former.version + 1
    saved = RewardRecord(
        code=code,
        version=version,
        kind=document.item.kind,
        archived=archived,
        created_at=tx.now if former is None else former.created_at,
        updated_at=tx.now,
    )
    await rewards.save(tx, saved, RewardVersionRecord(code, version, text, archived, author, tx.now))
    await set_stock(tx, code, document.stock)
    audit.note(tx, changes=[Change(code, "version", None if former is None else former.version, version)])


async def _text(tx: Tx, record: RewardRecord) -> str:
    key = VersionKey(record.code, record.version)
    return (await rewards.versions(tx, [key]))[key].document
