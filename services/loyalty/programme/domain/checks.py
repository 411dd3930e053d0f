"""Check that the document of a programme makes sense by itself, beside the versions before it, and beside the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from zoneinfo import available_timezones

from services.loyalty.ledger.domain.documents import Fault
from services.loyalty.ledger.domain.programme import Programme, ProgrammeDocument
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
_EXPIRES_AT_ONCE = field_sentence(__name__, "expires_at_once")


def faults(document: ProgrammeDocument) -> list[Fault]:
    """Return everything in a document that contradicts itself."""
    return [*_words(document), *_tiers(document), *_points(document)]


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
    if document.tiers[0].from_spend != 0:
        yield Fault(("tiers", 0, "from_spend"), _LOWEST_NOT_ZERO)
    for position, (below, above) in enumerate(pairwise(document.tiers), 1):
        if above.from_spend <= below.from_spend:
            yield Fault(("tiers", position, "from_spend"), _NOT_RISING)


def _points(document: ProgrammeDocument) -> Iterator[Fault]:
    fewest, most, expiry = document.redemption_points_min, document.redemption_points_max, document.expiry
    if fewest is not None and most is not None and fewest > most:
        yield Fault(("redemption_points_min",), _MINIMUM_ABOVE)
    gifts = document.transfers
    if gifts is not None and (gifts.points_min or 1) > (gifts.points_max or gifts.points_min or 1):
        yield Fault(("transfers", "points_min"), _MINIMUM_ABOVE)
    if expiry is not None and expiry.months == 0 and expiry.until_end_of is None:
        yield Fault(("expiry", "months"), _EXPIRES_AT_ONCE)
