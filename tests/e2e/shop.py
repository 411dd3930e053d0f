"""Whoever integrates with the product: a client for each service, and a token for each kind of caller."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx2

from huitou.settings import SERVICES
from tests.parts import stacks, waiting
from tests.parts.stacks import Stack

WAIT_SECONDS_MAX = 60.0

Body = dict[str, Any]


class Shop:
    """Speaks HTTP to a running product as one of its administrators."""

    def __init__(self, stack: Stack, clients: dict[str, httpx2.AsyncClient]) -> None:
        self.stack = stack
        self.profile, self.loyalty, self.feedback, self.scoring = (clients[name] for name in SERVICES)
        self.admin = stacks.operator(stack, "admin")

    async def post(self, client: httpx2.AsyncClient, path: str, body: Body) -> Body:
        """The answer to a request that is created, and repeated with its key gets the same answer again."""
        headers = {**self.admin, "Idempotency-Key": uuid.uuid4().hex}
        answer = await client.post(path, json=body, headers=headers)
        assert answer.status_code == httpx2.codes.CREATED, answer.text
        repeated = await client.post(path, json=body, headers=headers)
        assert (repeated.headers.get("Idempotency-Hit"), repeated.json()) == ("true", answer.json())
        return dict(answer.json())

    async def get(self, client: httpx2.AsyncClient, path: str) -> Body:
        """The document, or an empty one while there is none."""
        answer = await client.get(path, headers=self.admin)
        return dict(answer.json()) if answer.is_success else {}

    async def comes_to(
        self, client: httpx2.AsyncClient, path: str, condition: Callable[[Body], bool]
    ) -> Body:
        """The document as soon as it is there and the condition holds."""
        seen: Body = {}

        async def look() -> bool:
            nonlocal seen
            seen = await self.get(client, path)
            return bool(seen) and condition(seen)

        try:
            await waiting.until(look, seconds_max=WAIT_SECONDS_MAX, what=path)
        except AssertionError as error:
            raise AssertionError(f"{error}; at last it was {seen}") from None
        return seen

    def customer(self, customer_id: str) -> dict[str, str]:
        """Headers of a customer."""
        return stacks.customer(self.stack, customer_id)

    async def refused(
        self, client: httpx2.AsyncClient, path: str, body: Body, headers: dict[str, str]
    ) -> tuple[int, str]:
        """Status and code of a refusal."""
        answer = await client.post(path, json=body, headers={**headers, "Idempotency-Key": uuid.uuid4().hex})
        return answer.status_code, str(answer.json()["code"])
