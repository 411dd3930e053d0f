"""Rulebooks: versions of the rules by which purchases earn, one after the other in time."""

from bisect import bisect_right
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field, model_validator

from services.loyalty.earning.domain.rules import PointsPerAmount, Rule
from services.loyalty.earning.domain.rules.grants import Grant, Nothing
from services.loyalty.ledger.domain.programme import Document
from services.loyalty.purchases.domain.facts import Purchase

RULES_MAX = 200
RULEBOOKS_MAX = 1_000
THE_BEGINNING = datetime.min.replace(tzinfo=UTC)


class Rulebook(Document):
    """The rules in force from an instant on (None: from the beginning of time), until the next rulebook."""

    version: Annotated[int, Field(ge=1)]
    in_force_from: AwareDatetime | None
    rules: Annotated[tuple[Rule, ...], Field(max_length=RULES_MAX)]

    def answers(self, purchase: Purchase, zone: ZoneInfo) -> list[Grant | Nothing]:
        """Return the answer of each rule to a purchase."""
        return [rule.answer(purchase, zone) for rule in self.rules]


class Rulebooks(Document):
    """All rulebooks of a programme, in the order of their versions."""

    versions: Annotated[tuple[Rulebook, ...], Field(min_length=1, max_length=RULEBOOKS_MAX)]

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.versions[0].in_force_from is not None:
            raise ValueError("the first rulebook is in force from the beginning")
        for earlier, later in pairwise(self.versions):
            begins = later.in_force_from
            is_later = begins is not None and (
                earlier.in_force_from is None or earlier.in_force_from < begins
            )
            if not is_later or later.version <= earlier.version:
                raise ValueError("rulebooks follow each other in time and version")
        return self

    def at(self, instant: datetime) -> Rulebook:
        """Return the rulebook in force at an instant of effective time."""
        return self.versions[bisect_right(self._begins, instant) - 1]

    @cached_property
    def _begins(self) -> list[datetime]:
        return [rulebook.in_force_from or THE_BEGINNING for rulebook in self.versions]


def default_rulebook(currency: str) -> Rulebook:
    """Return the rules of a new installation: one point per whole unit of money, without expiry."""
    return Rulebook(version=1, in_force_from=None, rules=(PointsPerAmount(code="base", rates={currency: 1}),))


@lru_cache(maxsize=64)
def parse(documents: tuple[str, ...]) -> Rulebooks:
    """Return the rulebooks that stored documents describe; the same documents are parsed once."""
    return Rulebooks(versions=tuple(Rulebook.model_validate_json(document) for document in documents))
