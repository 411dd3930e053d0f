"""The filter of a list by an operation. A name that no operation has is refused: an empty page would hide the mistake."""

from collections.abc import Collection
from typing import Annotated, Any

from fastapi import Query

from shared.http.models import CODE, Spelled
from shared.http.problems import InvalidRequest
from shared.http.validation import unknown_operation
from shared.limits import CODE_MAX

FILTER = "operation"
"""The name of the query parameter."""
OperationFilter = Annotated[
    str | None,
    Spelled,
    CODE,
    Query(max_length=CODE_MAX, description="Only this operation, by its operationId."),
]


KNOWN_OPERATIONS = "x-known-operations"
"""The key, in the `openapi_extra` of a list, of the operations that its filter takes. Without it the filter takes all operations of the
service. The document shows them as the values of the filter."""


def show_known(document: dict[str, Any]) -> None:
    """Show in a document the values that each filter by operation takes, in place."""
    operations = [described for methods in document["paths"].values() for described in methods.values()]
    all_ids = sorted(described["operationId"] for described in operations)
    for described in operations:
        known = described.pop(KNOWN_OPERATIONS, all_ids)
        for parameter in described.get("parameters", ()):
            if parameter["in"] == "query" and parameter["name"] == FILTER:
                parameter["schema"]["enum"] = known
                parameter["schema"].pop("pattern", None)


def must_be_known(asked: str, known: Collection[str]) -> None:
    """Refuse the name of an operation that is none of these. Raises InvalidRequest."""
    if asked not in known:
        raise InvalidRequest(errors=[unknown_operation(asked, known)])
