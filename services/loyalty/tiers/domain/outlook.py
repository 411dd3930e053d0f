"""The outlook of a member: what is missing to rise, what is missing to stay, and the tiers that the member had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from services.loyalty.ledger.domain.programme import Programme, TierTerms
from services.loyalty.tiers.domain import standing as tiers
from services.loyalty.tiers.domain.standing import Spend, Standing


class Rise(NamedTuple):
    """The spend that is missing now to the next tier. `grows_at`: when spend drops out and more is missing; None: never."""

    tier: TierTerms
    missing_minor: int
    grows_at: datetime | None


class Stay(NamedTuple):
    """The end of a tier without further purchases, and the spend until then that keeps it.

    `falls_to` is the tier then. `missing_minor` None: the version that is in force then does not have the tier.
    """

    ends_at: datetime
    falls_to: TierTerms
    missing_minor: int | None


class Held(NamedTuple):
    """A tier that a member had from an instant on, with the spend that counted then, by the version in force then."""

    tier: TierTerms
    since: datetime
    spend_minor: int
    version: int


def rise_of(standing: Standing, programme: Programme, now: datetime) -> Rise | None:
    """Return what is missing to the next tier; None: it is the highest. All windows must be loaded and advanced to `now`."""
    document, spend = programme.at(now), standing.spend()
    above = document.level_of(spend) + 1
    if above == len(document.tiers):
        return None
    drops = (
        amount.drops_at for window in standing.windows.values() for amount in window if amount.counts(now)
    )
    return Rise(document.tiers[above], document.threshold_minor(above) - spend, min(drops, default=None))


def stay_of(standing: Standing, programme: Programme) -> Stay | None:
    """Return how the tier ends, by the versions that are published; None: it does not end by itself. As for `rise_of`."""
    end = tiers.end_of(standing, programme)
    if end is None:
        return None
    levels = [tier.code for tier in end.document.tiers]
    missing = None
    if standing.tier in levels:
        missing = end.document.threshold_minor(levels.index(standing.tier)) - end.spend_minor
    return Stay(end.at, end.document.tier_of(end.spend_minor), missing)


def history_of(spends: Iterable[Spend], programme: Programme, until: datetime) -> list[Held]:
    """Return the tiers that these amounts reached, one after the other, from the first amount until an instant.

    The first one is the tier that the first amount reached. A return counts at its purchase's date.
    """
    changes: dict[datetime, int] = {}
    for spend in spends:
        changes[spend.occurred_at] = changes.get(spend.occurred_at, 0) + spend.amount_minor
        changes[spend.drops_at] = changes.get(spend.drops_at, 0) - spend.amount_minor
    if not changes:
        return []
    begun = {version.begins for version in programme.later(min(changes))}
    return list(_held(sorted({*changes, *begun}), changes, programme, until))


def _held(
    moments: Iterable[datetime], changes: dict[datetime, int], programme: Programme, until: datetime
) -> Iterator[Held]:
    counted, held = 0, ""
    for moment in moments:
        if moment > until:
            return
        counted += changes.get(moment, 0)
        version = programme.version_at(moment)
        tier = version.document.tier_of(counted)
        if tier.code != held:
            held = tier.code
            yield Held(tier, moment.astimezone(UTC), counted, version.version)
