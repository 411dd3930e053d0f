"""Facts: purchases and returns, each with the local day that it belongs to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """A line of a purchase. `category` is None where the source named none."""

    line: int
    sku: str
    category: str | None
    quantity: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ReturnedUnits:
    """A range of units of one line that was returned, from `unit_from` up to and including `unit_to`."""

    line: int
    unit_from: int
    unit_to: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase as it was recorded; `day` is the shop's local day, `units` the sum of its quantities."""

    purchase_id: str
    identity_id: str
    occurred_at: datetime
    day: date
    currency: str
    amount_minor: int
    units: int


@dataclass(frozen=True, slots=True)
class Return:
    """Units of one purchase that were returned, and the amount that was paid back for them."""

    return_id: str
    purchase_id: str
    identity_id: str
    occurred_at: datetime
    day: date
    amount_minor: int
    units: int


@dataclass(frozen=True, slots=True)
class ItemisedPurchase:
    """A purchase with its lines, as it comes in."""

    purchase: Purchase
    lines: tuple[PurchaseLine, ...]


@dataclass(frozen=True, slots=True)
class ItemisedReturn:
    """A return with its ranges of units, as it comes in."""

    returned: Return
    lines: tuple[ReturnedUnits, ...]


@dataclass(frozen=True, slots=True)
class History:
    """Purchases and returns of the same identities."""

    purchases: tuple[Purchase, ...] = ()
    returns: tuple[Return, ...] = ()

    def until(self, cut: "Cut") -> "History":
        """Return the part of the history that happened up to a cut."""
        return History(tuple(filter(cut.admits, self.purchases)), tuple(filter(cut.admits, self.returns)))


@dataclass(frozen=True, slots=True)
class Cut:
    """The end of the time that is looked at: the end of `day`, or exactly `instant` if there is one."""

    day: date
    instant: datetime | None = None

    def admits(self, fact: Purchase | Return) -> bool:
        """Return whether the fact happened up to this cut."""
        return fact.day <= self.day if self.instant is None else fact.occurred_at <= self.instant


@dataclass(frozen=True, slots=True)
class DayRollup:
    """The purchases of one identity on one local day in one currency, less the returns of these purchases.

    Only purchases with at least one unit that was not returned count, in all four numbers.
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

    A return has no effect when its purchase is not among `purchases` or belongs to another identity. Rows are sorted by
    key. A day whose purchases were all returned stays as a row of zeros, as it does in the database.
    """
    returned: dict[tuple[str, str], tuple[int, int]] = {}
    for fact in returns:
        of_purchase = (fact.identity_id, fact.purchase_id)
        units, amount = returned.get(of_purchase, (0, 0))
        returned[of_purchase] = (units + fact.units, amount + fact.amount_minor)
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
