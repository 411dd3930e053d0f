"""Ask every operation of an opened service: the ids of its path and the example of its body come from the document."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx2

from shared.http.routes import Route
from shared.ids import new_id
from tests.parts.opened import Opened
from tests.parts.tokens import Subject

ANYTHING = "bg_nbd"
"""The value of a path parameter that names no thing of somebody's."""


def named_in_path(route: Route) -> list[str]:
    """Return the names of the parameters in the path."""
    return [field.alias for field in route.dependant.path_params]


def example_body(house: Opened, route: Route) -> Any:
    """Return the example that the document shows for this operation."""
    described = house.app.openapi()["paths"][route.path_format][route.method.lower()]
    content = described.get("requestBody", {}).get("content", {})
    return content["application/json"]["example"] if "application/json" in content else None


def query_of(house: Opened, route: Route) -> str:
    """Return the query with the parameters that the document requires, by its examples."""
    described = house.app.openapi()["paths"][route.path_format][route.method.lower()]
    required = {
        parameter["name"]: parameter.get("example", parameter["schema"].get("example", "x"))
        for parameter in described.get("parameters", ())
        if parameter["in"] == "query" and parameter["required"]
    }
    return f"?{urlencode(required)}" if required else ""


def as_text(example: Any) -> str:
    """Return the example of a body that is no JSON as it is sent: a text, or a form."""
    return example if isinstance(example, str) else urlencode(example)


def sent_as(house: Opened, route: Route, body: Any = None) -> dict[str, Any]:
    """Return the arguments with which a client sends a body, by default the example's, and the headers of its type."""
    described = house.app.openapi()["paths"][route.path_format][route.method.lower()]
    content = described.get("requestBody", {}).get("content", {})
    headers = {"Idempotency-Key": new_id("key")}
    if body is None and content and "application/json" not in content:
        ((media_type, shown),) = content.items()
        return {"content": as_text(shown["example"]), "headers": headers | {"Content-Type": media_type}}
    return {"json": example_body(house, route) if body is None else body, "headers": headers}


async def ask(
    house: Opened,
    route: Route,
    ids: Mapping[str, str],
    *,
    subject: Subject | None = None,
    bearer: str | None = None,
    content: Any = None,
) -> httpx2.Response:
    """Send one request as a subject, or with this token; with the example's body unless another is given."""
    path = route.path_format.format_map(dict.fromkeys(named_in_path(route), ANYTHING) | dict(ids))
    sent = sent_as(house, route, content)
    if bearer is not None:
        sent["headers"]["Authorization"] = f"Bearer {bearer}"
    async with house.client(subject) as client:
        return await client.request(route.method, f"{path}{query_of(house, route)}", **sent)
