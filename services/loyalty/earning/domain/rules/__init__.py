"""The registry of rules: a new kind is a new file beside this one, named here."""

from typing import Annotated

from pydantic import BaseModel, Field

from services.loyalty.earning.domain.rules.fixed_bonus import FixedBonus
from services.loyalty.earning.domain.rules.multiplier import Multiplier
from services.loyalty.earning.domain.rules.points_per_amount import PointsPerAmount
from services.loyalty.earning.domain.rules.points_per_fact import PointsPerFact
from services.loyalty.earning.domain.rules.points_per_step import PointsPerStep
from services.loyalty.earning.domain.rules.points_per_unit import PointsPerUnit

type_of_kind: dict[str, type[BaseModel]] = {
    "points_per_amount": PointsPerAmount,
    "points_per_step": PointsPerStep,
    "points_per_unit": PointsPerUnit,
    "points_per_fact": PointsPerFact,
    "fixed_bonus": FixedBonus,
    "multiplier": Multiplier,
}

BaseRule = PointsPerAmount | PointsPerStep | PointsPerUnit | PointsPerFact | FixedBonus
"""The rules whose points come from the order or the activity itself."""
Rule = Annotated[BaseRule | Multiplier, Field(discriminator="kind")]

__all__ = [
    "BaseRule",
    "FixedBonus",
    "Multiplier",
    "PointsPerAmount",
    "PointsPerFact",
    "PointsPerStep",
    "PointsPerUnit",
    "Rule",
    "type_of_kind",
]
