"""Read versions of models, and which of them answer for a day."""

from datetime import date

from services.scoring.models.domain import models as rules
from services.scoring.models.domain.kinds import KINDS, Kind
from services.scoring.models.domain.models import InForce, Model
from services.scoring.models.storage import models
from shared.db import Read


async def all_in_force(read: Read, day: date, zone: str) -> dict[tuple[Kind, str], InForce]:
    """Return the models that answer for `day`, by kind and currency: published fits, else what is shipped."""
    used = {
        (kind, ""): InForce(prior, look_ahead=False) for kind in KINDS if (prior := rules.shipped(kind, zone))
    }
    for candidate in await models.published_for(read, day):
        chosen = rules.in_force([candidate], day)
        assert chosen is not None
        used[candidate.kind, candidate.currency] = chosen
    return used


async def with_prior(read: Read, kind: Kind, zone: str) -> list[Model]:
    """Return the versions of a kind, newest first, the shipped one last."""
    prior = rules.shipped(kind, zone)
    return [*await models.versions(read, kind), *([prior] if prior else [])]
