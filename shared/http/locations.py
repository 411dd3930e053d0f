"""The `Location` of what an operation has created: made from its answer, so that a stored answer has the same one.

    @router.post("/v1/members/{customer_id}/redemptions", …, status_code=201, location="/v1/members/{customer_id}/redemptions/{id}")

An operation that answers both 201 and 202 creates two kinds of things: `location={201: "…/{id}", 202: "/v1/approvals/{id}"}`.
A name in braces is a parameter of the path, or a field of the answer; `{complaint[id]}` is a field of an object in it.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import Response

from shared.http.operation import CUSTOMER, EXTERNAL

CREATED = frozenset({201, 202})
"""The statuses of answers that have a `Location`."""
HEADER = "Location"


Location = str | Mapping[int, str]
"""The template of the address of what an operation creates, or those of its statuses."""


def template_of(location: Location | None, status: int) -> str | None:
    """Return the template of an answer with this status, or None if it creates nothing."""
    if status not in CREATED or location is None:
        return None
    return location if isinstance(location, str) else location[status]


def add_location(response: Response, location: Location | None, path_params: Mapping[str, Any]) -> None:
    """Add the address of what was created to an answer that says that something was."""
    template = template_of(location, response.status_code)
    if template is not None:
        response.headers[HEADER] = location_of(template, path_params, json.loads(bytes(response.body)))


def location_of(template: str, path_params: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Return the address: parameters of the path as they were asked for, other names from the answer.

    The answer names the customer of an external id, which means another one to other callers, and later.
    """
    values = {**answer} | {
        name: quote(str(value), safe=":")
        for name, value in path_params.items()
        if not (name == CUSTOMER and CUSTOMER in answer and str(value).startswith(EXTERNAL))
    }
    return template.format_map(values)


def documented(template: str, path_params: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the headers of the document that describe the address, with that of the example."""
    return {
        HEADER: {
            "description": "The address of what was created, or of the thing that has it.",
            "required": True,
            "schema": {"type": "string", "format": "uri-reference"},
            "example": location_of(template, path_params, answer),
        }
    }
