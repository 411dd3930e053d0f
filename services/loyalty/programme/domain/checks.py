"""Check that the document of a programme makes sense by itself, beside the versions before it, and beside the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from zoneinfo import available_timezones

from services.loyalty.ledger.domain.calendar import DAYS_A_MONTH_MIN, MONTHS_A_YEAR
from services.loyalty.ledger.domain.documents import Fault
from services.loyalty.ledger.domain.programme import Programme, ProgrammeDocument
from services.loyalty.ledger.domain.qualification import Downgrade, TierMetric, TierWindow
from shared import money
from shared.catalogues import field_sentence

FIXED = ("currency", "zone", "window_months")
"""The fields that are the same in all versions: what was counted and dated by them is not counted anew."""

_CODE_TWICE = field_sentence(__name__, "code_twice")
_CURRENCY_UNKNOWN = field_sentence(__name__, "currency_unknown")
_ZONE_UNKNOWN = field_sentence(__name__, "zone_unknown")
_LOWEST_NOT_ZERO = field_sentence(__name__, "lowest_not_zero")
_NOT_RISING = field_sentence(__name__, "thresholds_not_rising")
_LOWEST_CHANGED = field_sentence(__name__, "lowest_tier_changed")
_TIER_IN_USE = field_sentence(__name__, "tier_in_use")
_FIXED_FIELD = field_sentence(__name__, "same_in_all_versions")
_MINIMUM_ABOVE = field_sentence(__name__, "minimum_above_maximum")
_COUNTS_SPEND = field_sentence(__name__, "counts_spend")
_COUNTS_NUMBER = field_sentence(__name__, "counts_number")
_ONLY_PERIODS = field_sentence(__name__, "only_in_periods")
_LONGER_THAN_PERIOD = field_sentence(__name__, "longer_than_period")
_MONTHS = {TierWindow.MONTH: 1, TierWindow.QUARTER: 3}
_EXPIRES_AT_ONCE = field_sentence(__name__, "expires_at_once")


def faults(document: ProgrammeDocument) -> list[Fault]:
    """Return everything in a document that contradicts itself."""
    return [*_words(document), *_tiers(document), *_qualification(document), *_points(document)]


def faults_beside(
    document: ProgrammeDocument, programme: Programme, tiers_in_use: Mapping[str, int], *, is_first: bool
) -> list[Fault]:
    """Return everything in a document that contradicts the other versions, or the rules in force with it.

    `tiers_in_use`: the tiers that conditions of rules name, each with the version of the rules. `is_first`: the document takes
    the place of all versions, because nothing is booked.
    """
    found = []
    if not is_first:
        before = programme.versions[0].document
        found = [
            Fault((name,), _FIXED_FIELD, {"value": getattr(before, name)})
            for name in FIXED
            if getattr(document, name) != getattr(before, name)
        ]
        if document.tiers[0].code != programme.lowest:
            found.append(Fault(("tiers", 0, "code"), _LOWEST_CHANGED, {"tier": programme.lowest}))
    known = {tier.code for tier in document.tiers}
    return found + [
        Fault(("tiers",), _TIER_IN_USE, {"tier": tier, "version": version})
        for tier, version in sorted(tiers_in_use.items())
        if tier not in known
    ]


def _words(document: ProgrammeDocument) -> Iterator[Fault]:
    if document.currency not in money.CURRENCIES:
        yield Fault(("currency",), _CURRENCY_UNKNOWN)
    if document.zone not in available_timezones():
        yield Fault(("zone",), _ZONE_UNKNOWN)


def _tiers(document: ProgrammeDocument) -> Iterator[Fault]:
    seen: set[str] = set()
    for position, tier in enumerate(document.tiers):
        if tier.code in seen:
            yield Fault(("tiers", position, "code"), _CODE_TWICE)
        seen.add(tier.code)
    counts_spend = document.qualifies_by.metric is TierMetric.SPEND
    name = "from_spend" if counts_spend else "from_count"
    for position, tier in enumerate(document.tiers):
        if counts_spend and tier.from_count is not None:
            yield Fault(("tiers", position, "from_count"), _COUNTS_SPEND)
        if not counts_spend and (tier.from_spend or tier.from_count is None):
            yield Fault(("tiers", position, "from_count"), _COUNTS_NUMBER)
    thresholds = [tier.from_spend if counts_spend else tier.from_count or 0 for tier in document.tiers]
    if thresholds[0] != 0:
        yield Fault(("tiers", 0, name), _LOWEST_NOT_ZERO)
    for position, (below, above) in enumerate(pairwise(thresholds), 1):
        if above <= below:
            yield Fault(("tiers", position, name), _NOT_RISING)


def _qualification(document: ProgrammeDocument) -> Iterator[Fault]:
    terms = document.qualifies_by
    if not terms.in_periods:
        if terms.grace_days:
            yield Fault(("qualification", "grace_days"), _ONLY_PERIODS)
        if terms.downgrade is not Downgrade.FULL:
            yield Fault(("qualification", "downgrade"), _ONLY_PERIODS)
        if terms.counts_after_days >= document.window_months * DAYS_A_MONTH_MIN:
            yield Fault(("qualification", "counts_after_days"), _LONGER_THAN_PERIOD)
        return
    months = _MONTHS.get(terms.window, MONTHS_A_YEAR)
    if terms.grace_days >= months * DAYS_A_MONTH_MIN:
        yield Fault(("qualification", "grace_days"), _LONGER_THAN_PERIOD)


def _points(document: ProgrammeDocument) -> Iterator[Fault]:
    fewest, most, expiry = document.redemption_points_min, document.redemption_points_max, document.expiry
    if fewest is not None and most is not None and fewest > most:
        yield Fault(("redemption_points_min",), _MINIMUM_ABOVE)
    gifts = document.transfers
    if gifts is not None and (gifts.points_min or 1) > (gifts.points_max or gifts.points_min or 1):
        yield Fault(("transfers", "points_min"), _MINIMUM_ABOVE)
    if expiry is not None and expiry.months == 0 and expiry.until_end_of is None:
        yield Fault(("expiry", "months"), _EXPIRES_AT_ONCE)
