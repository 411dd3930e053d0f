"""Ask every operation of an opened service: the ids of its path and the example of its body come from the document."""

from collections.abc import Mapping
from typing import Any

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
    return content["application/json"]["example"] if content else None


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
    headers = {"Idempotency-Key": new_id("key")}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    sent = example_body(house, route) if content is None else content
    async with house.client(subject) as client:
        return await client.request(route.method, path, json=sent, headers=headers)
