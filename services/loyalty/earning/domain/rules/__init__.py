"""The registry of rules: a new kind is a new file beside this one, named here."""

from pydantic import BaseModel

from services.loyalty.earning.domain.rules.points_per_amount import PointsPerAmount

type_of_kind: dict[str, type[BaseModel]] = {"points_per_amount": PointsPerAmount}

# With a second kind: Annotated[PointsPerAmount | Another, Field(discriminator="kind")].
Rule = PointsPerAmount

__all__ = ["PointsPerAmount", "Rule", "type_of_kind"]
