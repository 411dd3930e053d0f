"""The registry of rules: a new kind is a new file beside this one, named here."""

from services.loyalty.earning.domain.rules.points_per_amount import PointsPerAmount

type_of_kind = {"points_per_amount": PointsPerAmount}

# With a second kind: Annotated[PointsPerAmount | Another, Field(discriminator="kind")].
Rule = PointsPerAmount

__all__ = ["PointsPerAmount", "Rule", "type_of_kind"]
