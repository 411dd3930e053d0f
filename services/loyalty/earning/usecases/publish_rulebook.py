"""Publish a rulebook."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.earning.domain.document import RulebookDocument
from services.loyalty.earning.domain.rulebook import Rulebook, Rulebooks
from services.loyalty.earning.queries.check_meaning import check_meaning
from services.loyalty.earning.refusals import (
    RULEBOOKS_MAX,
    InForceTooSoon,
    NotAfterTheOthers,
    TooManyRulebooks,
)
from services.loyalty.earning.steps.rulebooks import current_rulebooks, lock_rulebooks
from services.loyalty.earning.storage import rulebooks
from services.loyalty.ledger.domain.documents import AHEAD_MIN
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx


async def publish_rulebook(
    tx: Tx, context: Context[Settings], document: RulebookDocument, in_force_from: datetime, publisher: str
) -> int:
    """Store a document whose rules are in force from an instant on, and return its version.

    Raises InForceTooSoon, NotAfterTheOthers, CapChanged, GoalChanged and TooManyRulebooks.
    """
    await lock_rulebooks(tx, context)
    known = await current_rulebooks(tx)
    _check_begin(known, in_force_from, tx.now)
    if len(known.versions) >= RULEBOOKS_MAX:
        raise TooManyRulebooks
    await check_meaning(tx, document)
    version = known.versions[-1].version + 1
    await rulebooks.add(tx, Rulebook(version, in_force_from, document, publisher))
    return version


def _check_begin(known: Rulebooks, in_force_from: datetime, now: datetime) -> None:
    if in_force_from < now + AHEAD_MIN:
        raise InForceTooSoon
    latest = known.standing[-1].in_force_from
    if latest is not None and in_force_from <= latest:
        raise NotAfterTheOthers
