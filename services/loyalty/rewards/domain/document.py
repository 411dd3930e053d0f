"""The document of a reward: what members get, what it costs them, and who can claim it when."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field

from services.loyalty.earning.domain import periods
from services.loyalty.earning.domain.periods import Period
from services.loyalty.ledger.domain.documents import Fault, Part, text_of
from services.loyalty.ledger.domain.programme import NAME_MAX, TIERS_MAX
from services.loyalty.rewards.domain.items import CashOffItem, Item, merchants_codes
from shared import money
from shared.catalogues import field_sentence
from shared.limits import CODE_MAX
from shared.local_time import day_start, local_day
from shared.money import UnknownCurrency
from shared.spelling import addresses_a_person

PRICE_MAX = 1_000_000_000
STOCK_MAX = 1_000_000_000
CLAIMS_MAX = 1_000

_ENDS_FIRST = field_sentence(__name__, "ends_before_it_begins")
_TIER_UNKNOWN = field_sentence(__name__, "tier_unknown")
_CURRENCY_UNKNOWN = field_sentence(__name__, "currency_unknown")
_ADDRESSES_A_PERSON = field_sentence(__name__, "addresses_a_person")
_NO_PRICE = field_sentence(__name__, "reward_without_price")

Price = Annotated[int, Field(ge=1, le=PRICE_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX, pattern=r"^[^\x00-\x1f\x7f]+$")]


class RewardPrices(Part):
    """The points that one piece costs."""

    points: Annotated[
        Price | None,
        Field(
            description="For members of all tiers that `tiers` does not name. Null: only the named tiers can claim it."
        ),
    ] = None
    tiers: Annotated[
        dict[Annotated[str, Field(max_length=CODE_MAX, pattern=r"^[a-z][a-z0-9_]{0,31}$")], Price],
        Field(max_length=TIERS_MAX, description="For members of a tier, by its code."),
    ] = {}

    def of(self, tier: str) -> int | None:
        """Return the points that a member of a tier pays; None: such a member cannot claim the reward."""
        return self.tiers.get(tier, self.points)


class ClaimLimit(Part):
    """The most pieces that one member can claim in each period of the programme's zone."""

    claims: Annotated[int, Field(ge=1, le=CLAIMS_MAX)]
    period: Annotated[Period, Field(description="By default one period that never ends.")] = Period.LIFETIME

    def since(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """Return when the period began that an instant lies in; None: it has no begin."""
        if self.period is Period.LIFETIME:
            return None
        return day_start(periods.first_day(self.period, local_day(at, zone)), zone)


class RewardDocument(Part):
    """A document says what one version of a reward promises."""

    name_en: Name
    name_zh: Name
    item: Item
    price: RewardPrices
    valid_from: Annotated[
        AwareDatetime | None, Field(description="It can be claimed from this instant on. Null: at once.")
    ] = None
    valid_until: Annotated[
        AwareDatetime | None, Field(description="It can be claimed before this instant. Null: for ever.")
    ] = None
    limit: Annotated[
        ClaimLimit | None, Field(description="What one member can claim. Null: as much as there is.")
    ] = None
    stock: Annotated[
        Annotated[int, Field(ge=0, le=STOCK_MAX)] | None,
        Field(description="The pieces that all members together can claim. Null: any number."),
    ] = None
    restocks: Annotated[
        bool,
        Field(description="Whether a piece that was handed over can be claimed again once it is returned."),
    ] = True

    def is_early(self, at: datetime) -> bool:
        """Return whether it cannot be claimed yet."""
        return self.valid_from is not None and at < self.valid_from

    def is_late(self, at: datetime) -> bool:
        """Return whether it can no longer be claimed."""
        return self.valid_until is not None and self.valid_until <= at


def faults(document: RewardDocument, tiers: Collection[str]) -> Iterator[Fault]:
    """Yield what in a document contradicts itself or the programme, whose `tiers` are known."""
    begin, end = document.valid_from, document.valid_until
    if begin is not None and end is not None and end <= begin:
        yield Fault(("valid_until",), _ENDS_FIRST)
    if document.price.points is None and not document.price.tiers:
        yield Fault(("price",), _NO_PRICE)
    for tier in document.price.tiers:
        if tier not in tiers:
            yield Fault(("price", "tiers", tier), _TIER_UNKNOWN, {"known": ", ".join(tiers)})
    for name, code in merchants_codes(document.item).items():
        if addresses_a_person(code):
            yield Fault(("item", name), _ADDRESSES_A_PERSON)
    if isinstance(document.item, CashOffItem):
        try:
            money.exponent(document.item.currency)
        except UnknownCurrency:
            yield Fault(("item", "currency"), _CURRENCY_UNKNOWN)


def parse(text: str) -> RewardDocument:
    """Return a stored document."""
    return RewardDocument.model_validate_json(text)


def canonical(document: RewardDocument) -> str:
    """Return a document as the text that is stored: names sorted, no blanks, and nothing that is null."""
    return text_of(document.model_dump(mode="json", exclude_none=True))
