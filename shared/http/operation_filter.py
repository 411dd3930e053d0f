"""The filter of a list by an operation. A name that no operation has is refused: an empty page would hide the mistake."""

from collections.abc import Collection
from typing import Annotated

from fastapi import Query

from shared.http.models import Spelled
from shared.http.problems import InvalidRequest
from shared.http.validation import unknown_operation
from shared.limits import CODE_MAX

OperationFilter = Annotated[
    str | None,
    Spelled,
    Query(max_length=CODE_MAX, description="Only this operation, by its operationId."),
]


def must_be_known(asked: str, known: Collection[str]) -> None:
    """Refuse the name of an operation that is none of these. Raises InvalidRequest."""
    if asked not in known:
        raise InvalidRequest(errors=[unknown_operation(asked, known)])
