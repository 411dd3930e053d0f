"""The health of the four services, as their health endpoints report it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import httpx2

ANSWER_SECONDS_MAX = 2.0
ISSUES_SHOWN_MAX = 20

State = Literal["healthy", "troubled", "not_ready", "away"]


@dataclass(frozen=True, slots=True)
class Health:
    """The health of one service: its address, its state, and the sentences of its issues."""

    name: str
    address: str
    state: State
    issues: Sequence[str] = ()


async def ask_all(client: httpx2.AsyncClient, addresses: Mapping[str, str], language: str) -> list[Health]:
    """Ask every service at once. A service that does not answer in time is away."""
    return await asyncio.gather(
        *(_ask(client, name, address, language) for name, address in addresses.items())
    )


async def _ask(client: httpx2.AsyncClient, name: str, address: str, language: str) -> Health:
    try:
        ready = await client.get(f"{address}/health/ready")
        if not ready.is_success:
            return Health(name, address, "not_ready")
        said = await client.get(f"{address}/health/issues", headers={"Accept-Language": language})
        issues = _sentences(said.json()) if said.is_success else []
    except (httpx2.HTTPError, ValueError):
        return Health(name, address, "away")
    return Health(name, address, "troubled" if issues else "healthy", issues)


def _sentences(document: object) -> list[str]:
    listed = document.get("issues", []) if isinstance(document, dict) else []
    words = (issue.get("detail", "") if isinstance(issue, dict) else str(issue) for issue in listed)
    return [text for text in words if text][:ISSUES_SHOWN_MAX]
