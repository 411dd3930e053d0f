"""The base of all parts of a rulebook's document: they are frozen, and take nothing that they do not name."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.limits import CODE_MAX

CURRENCIES_MAX = 40
"""Currencies that one rule, or one condition, names."""
CODE = r"^[a-z][a-z0-9_]*$"


class Part(BaseModel):
    """A frozen part of a rulebook's document. Texts, booleans and fractions are not taken for integers."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        json_schema_mode_override="validation",  # a document is answered as it may be sent
    )


Code = Annotated[str, Field(max_length=CODE_MAX, pattern=CODE)]
"""The name of a rule, a group or a cap. It is in every lot, and keeps its meaning from version to version."""
Points = Annotated[int, Field(ge=1, le=1_000_000)]
"""Points of one grant, one step or one unit."""
