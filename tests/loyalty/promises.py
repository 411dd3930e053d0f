"""The tiers of the programmes that the test against the oracle changes between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.loyalty.ledger.domain.programme import (
    ProgrammeDocument,
    TierTerms,
    TransferLimits,
    default_document,
)
from tests.loyalty.shop import START

PROMISES = [
    (datetime(1, 1, 1, tzinfo=UTC), (0, 100_000, 500_000)),
    (START + timedelta(days=6), (0, 20_000, 80_000, 400_000)),
    (START + timedelta(days=15), (0, 300_000)),
    (START + timedelta(days=30), (0, 10_000, 50_000, 250_000, 600_000)),
]
"""The thresholds of the tiers, which other versions of the programme change, with the instants from which they count."""


def with_tiers(thresholds: tuple[int, ...]) -> ProgrammeDocument:
    """Return a programme whose tiers begin at these spends, in minor units. The codes are those of the default, then others."""
    first = default_document("CNY", "UTC")
    names = ("member", "silver", "gold", "jade", "diamond")
    tiers = [
        TierTerms(code=name, name_en=name, name_zh="等级", from_spend=threshold // 100)
        for name, threshold in zip(names, thresholds, strict=False)
    ]
    return first.model_copy(update={"tiers": tuple(tiers), "transfers": TransferLimits()})
