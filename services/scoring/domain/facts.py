"""What happened: purchases and returns, each with the local day it belongs to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Purchase:
    """One order as it was recorded; `day` is the shop's local day, `units` the sum of its quantities."""

    purchase_id: str
    identity_id: str
    occurred_at: datetime
    day: date
    currency: str
    amount_minor: int
    units: int


@dataclass(frozen=True, slots=True)
class Return:
    """Units of one purchase that came back, and what was paid back for them."""

    return_id: str
    purchase_id: str
    identity_id: str
    occurred_at: datetime
    day: date
    amount_minor: int
    units: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Up to where facts are looked at: through the end of `day`, or, with `instant`, exactly up to it."""

    day: date
    instant: datetime | None = None

    def admits(self, fact: Purchase | Return) -> bool:
        """Whether the fact happened up to this cut."""
        return fact.day <= self.day if self.instant is None else fact.occurred_at <= self.instant


@dataclass(frozen=True, slots=True)
class DayRollup:
    """What one identity bought on one local day in one currency, less what was returned of it since.

    Only purchases with at least one unit kept count, in all four numbers.
    """

    identity_id: str
    day: date
    currency: str
    purchases: int
    units: int
    gross_minor: int
    refund_minor: int


def roll_up(purchases: Iterable[Purchase], returns: Iterable[Return]) -> list[DayRollup]:
    """Group facts by identity, purchase day and currency; a return lowers the day of its purchase.

    A return whose purchase is not among `purchases`, or is another identity's, has no effect. Rows are sorted by
    key; a day whose purchases all went back stays as a row of zeros, as it does in the database.
    """
    returned: dict[tuple[str, str], tuple[int, int]] = {}
    for back in returns:
        of = (back.identity_id, back.purchase_id)
        units, amount = returned.get(of, (0, 0))
        returned[of] = (units + back.units, amount + back.amount_minor)
    sums: dict[tuple[str, date, str], tuple[int, int, int, int]] = {}
    for purchase in purchases:
        key = (purchase.identity_id, purchase.day, purchase.currency)
        count, units, gross, refund = sums.get(key, (0, 0, 0, 0))
        units_back, amount_back = returned.get((purchase.identity_id, purchase.purchase_id), (0, 0))
        if purchase.units > units_back:
            count, units = count + 1, units + purchase.units - units_back
            gross, refund = gross + purchase.amount_minor, refund + amount_back
        sums[key] = (count, units, gross, refund)
    return [DayRollup(*key, *sums[key]) for key in sorted(sums)]
