"""The parts of requests that tell of activities: facts, and instants that can be stored."""

from typing import Annotated

from pydantic import AfterValidator, Field

from services.loyalty.activities.domain.facts import FactValue
from services.loyalty.activities.refusals import FACT_MAX, FACTS_MAX
from services.loyalty.earning.domain.fact_names import RESERVED
from shared.catalogues import field_sentence
from shared.events.base import Code
from shared.http.models import refused

_FACT_RESERVED = field_sentence(__name__, "fact_reserved")


def _no_reserved(facts: dict[str, FactValue]) -> dict[str, FactValue]:
    if any(name in RESERVED for name in facts):
        raise refused(_FACT_RESERVED)
    return facts


FactsIn = Annotated[
    dict[Code, Annotated[int, Field(ge=0, le=FACT_MAX)] | Code],
    Field(
        max_length=FACTS_MAX,
        description="What rules can look at: numbers, and codes of small letters, digits and underscores. No text that a person wrote, and "
        "nothing about a person.",
    ),
    AfterValidator(_no_reserved),
]
