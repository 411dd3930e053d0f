"""Path parameters that several capabilities share."""

from typing import Annotated

from fastapi import Path

from shared.limits import ID_MAX

CustomerId = Annotated[
    str, Path(max_length=ID_MAX, description="The customer, or any identity merged into them.")
]
