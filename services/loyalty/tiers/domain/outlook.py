"""The outlook of a member: what is missing to rise, what is missing to stay, and the tiers that the member had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from services.loyalty.ledger.domain import calendar
from services.loyalty.ledger.domain.programme import Programme, TierTerms
from services.loyalty.ledger.domain.qualification import TierMetric
from services.loyalty.tiers.domain import standing as tiers
from services.loyalty.tiers.domain.fold import Fold, counts_from
from services.loyalty.tiers.domain.standing import Spend, Standing


class Rise(NamedTuple):
    """It says what is missing now to the next tier: minor units, orders or active days. `grows_at`: when more is missing; None: never.

    `counts_from` is when a purchase of now counts. A period that ends before then is over for it.
    """

    tier: TierTerms
    metric: TierMetric
    missing: int
    grows_at: datetime | None
    counts_from: datetime


class Stay(NamedTuple):
    """The end of a tier without further purchases, and what keeps it if it is bought before `qualify_by`.

    `falls_to` is the tier then. `missing` None: nothing keeps it, because the version that is in force then does not have the tier, or
    because no purchase counts in time any more. `qualify_by` is the end of the period, `ends_at` that of its days of grace.
    """

    ends_at: datetime
    falls_to: TierTerms
    metric: TierMetric
    missing: int | None
    qualify_by: datetime


class Held(NamedTuple):
    """A tier that a member had from an instant on, with the spend that counted then, by the version in force then."""

    tier: TierTerms
    since: datetime
    spend_minor: int
    version: int


def rise_of(standing: Standing, programme: Programme, now: datetime) -> Rise | None:
    """Return what is missing to the next tier; None: it is the highest. All windows must be loaded and advanced to `now`."""
    if standing.fold is not None:
        return _rise_in(standing.fold, now)
    document, spend = programme.at(now), standing.spend()
    above = document.level_of(spend) + 1
    if above == len(document.tiers):
        return None
    drops = (
        amount.drops_at for window in standing.windows.values() for amount in window if amount.counts(now)
    )
    missing = document.threshold(above) - spend
    return Rise(document.tiers[above], TierMetric.SPEND, missing, min(drops, default=None), now)


def stay_of(standing: Standing, programme: Programme, now: datetime) -> Stay | None:
    """Return how the tier ends, by the versions that are published; None: it does not end by itself. As for `rise_of`."""
    if standing.fold is not None:
        return _stay_in(standing.fold, now)
    end = tiers.end_of(standing, programme)
    if end is None:
        return None
    missing = None
    if standing.tier in end.document.levels:
        missing = end.document.threshold(end.document.levels[standing.tier]) - end.spend_minor
    return Stay(end.at, end.document.tier_of(end.spend_minor), TierMetric.SPEND, missing, end.at)


def _rise_in(fold: Fold, now: datetime) -> Rise | None:
    """Return what is missing to the tier above that of the instant at which a purchase of now counts."""
    counted_at = counts_from(fold.at(now).document, now)
    level = fold.at(counted_at)
    document, above = level.document, level.shown + 1
    if above == len(document.tiers):
        return None
    grows_at = next((later.at for later in fold.ahead(counted_at) if later.counted < level.counted), None)
    missing = document.threshold(above) - level.counted
    return Rise(document.tiers[above], document.qualifies_by.metric, missing, grows_at, counted_at)


def _stay_in(fold: Fold, now: datetime) -> Stay | None:
    """Return how the tier ends: at the end of a period or of its days of grace, by a drop out of the window, or by a version.

    What is bought before the end of the period keeps it; in the days of grace, what is bought before their end.
    """
    held = fold.at(now).tier
    fall = tiers.falls_to(fold, held.code, now)
    if fall is None:
        return None
    decided_at, deciding = fall.at, fall
    if fall.period is not None:
        decided_at = fall.period.begins if fall.period.begins > now else fall.at
        deciding = fold.before(decided_at)
    document = deciding.document
    terms, missing = document.qualifies_by, None
    qualify_by, days = decided_at, terms.counts_after_days
    if days:
        qualify_by = calendar.plus_days(decided_at, -days, document.zone_info)
    if qualify_by > now and held.code in document.levels and held.code in fall.document.levels:
        missing = document.threshold(document.levels[held.code]) - deciding.counted
    return Stay(fall.at, fall.tier, terms.metric, missing, qualify_by)


def history_in(fold: Fold, until: datetime) -> list[Held]:
    """Return the tiers that a fold shows, one after the other, from the first order until an instant."""
    first = min((order.occurred_at for order in fold.orders.values()), default=until)
    held: list[Held] = []
    for level in fold.levels():
        if first <= level.at <= until and (not held or held[-1].tier.code != level.tier.code):
            held.append(Held(level.tier, level.at.astimezone(UTC), level.spend_minor, level.version.version))
    return held


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
