"""The invariants of remedies: postings for a remedy have their remedy."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from services.loyalty.ledger.domain.postings import CauseKind
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.queries.verifying import missing_facts, over_wallets
from services.loyalty.remedies.storage import remedies
from shared.db import Read
from shared.events.feedback import RemedyGranted
from shared.events.loyalty import RemedyRefused
from shared.verify.event_rules import EventRule, Fact, read_rows
from shared.verify.invariants import Drift


async def check(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Look for postings without their remedy."""
    return await missing_facts(read, page, (CauseKind.REMEDY,), _known)


async def _known(read: Read, _kind: CauseKind, row_ids: Sequence[int]) -> Collection[int]:
    return {record.id for record in await remedies.by_ids(read, row_ids)}


POINTS = "points"
"""The kind of remedy that loyalty credits; it ignores other kinds."""


def _granted(event: RemedyGranted) -> Fact | None:
    return Fact(event.remedy_id, (event.points,)) if event.kind == POINTS else None


def _refused(event: RemedyRefused) -> Fact:
    return Fact(event.remedy_id)


INVARIANTS = replace(
    over_wallets((), check),
    event_rules=(
        EventRule("remedy_has_its_grant", {RemedyGranted: _granted}, read_rows(remedies.ANSWERED)),
        EventRule("refusal_has_its_event", {RemedyRefused: _refused}, read_rows(remedies.REFUSED)),
    ),
)
"""The rule "cause_has_a_fact" is declared by the ledger and shared by every capability that keeps facts."""
