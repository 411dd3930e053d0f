"""The values that several parts of a rulebook's document have."""

from typing import Annotated

from pydantic import Field

from shared.limits import CODE_MAX

CURRENCIES_MAX = 40
"""Currencies that one rule, or one condition, names."""
CODE = r"^[a-z][a-z0-9_]*$"

PURCHASE, ACTIVITY = "purchase", "activity:"
"""The facts that rules answer to: purchases, and activities of a kind, such as `activity:check_in`."""
ACTIVITY_KIND = f"^{ACTIVITY}[a-z][a-z0-9_]*$"
ACTIVITY_TRIGGER_MAX = len(ACTIVITY) + CODE_MAX

Code = Annotated[str, Field(max_length=CODE_MAX, pattern=CODE)]
"""The name of a rule, a group or a cap. It is in every lot, and keeps its meaning from version to version."""
Points = Annotated[int, Field(ge=1, le=1_000_000)]
"""Points of one grant, one step or one unit."""
