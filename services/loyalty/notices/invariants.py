"""The invariants of notices: each was told, of the wallet that it names, and of no more points than were granted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.queries import lots
from services.loyalty.ledger.queries.verifying import over_wallets
from services.loyalty.notices.storage import notices
from shared.db import Read
from shared.events.loyalty import PointsExpiring
from shared.speech import words
from shared.vault import Vault
from shared.verify.event_rules import EventRule, Fact, read_rows
from shared.verify.invariants import Drift

RULE = "notice_is_of_its_wallet"


async def check(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Compare the notices of these wallets with the wallets and with the points that were ever granted to them."""
    of_id = {wallet.id: wallet for wallet in page}
    stored = await notices.of_wallets(read, [*of_id])
    if not stored:
        return []
    granted: Counter[int] = Counter()
    for lot in await lots.of_wallets(read, sorted({record.wallet_id for record in stored})):
        granted[lot.wallet_id] += lot.issued
    return [
        Drift(RULE, f"notice {record.id}", words(__name__, "drift_notice"))
        for record in stored
        if record.identity_id != of_id[record.wallet_id].identity_id
        or record.points > granted[record.wallet_id]
    ]


def _told(event: PointsExpiring) -> Fact:
    return Fact(event.cause.id, (event.points, event.lead_days))


def _number(vault: Vault, name: str) -> str | None:
    number = vault.numbers.number("ntc", name)
    return None if number is None else str(number)


INVARIANTS = replace(
    over_wallets((RULE,), check),
    event_rules=(
        EventRule(
            "notice_has_its_event",
            {PointsExpiring: _told},
            read_rows(notices.RECORDS, 1, lambda row: Fact(str(row[0]), (int(row[1]), int(row[2])))),
            id_of_row=_number,
        ),
    ),
)
