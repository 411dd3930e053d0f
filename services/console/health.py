"""The health of the four services, as their health endpoints report it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import httpx2

from shared.latest import Latest

ANSWER_SECONDS_MAX = 2.0
KEPT_SECONDS = 1.0
"""The time for which an answer of the services is shown again. Anybody may open the page as often as they like."""
ISSUES_SHOWN_MAX = 20

State = Literal["healthy", "troubled", "not_ready", "away"]


@dataclass(frozen=True, slots=True)
class Health:
    """The health of one service: its address, its state, and the codes of its issues. Their details are for operators."""

    name: str
    address: str
    state: State
    issues: Sequence[str] = ()


@dataclass(slots=True)
class Watch:
    """The health of the services, asked at most once in KEPT_SECONDS however many readers there are."""

    addresses: Mapping[str, str]
    _latest: Latest[list[Health]] = field(default_factory=Latest)

    async def look(self, client: httpx2.AsyncClient) -> list[Health]:
        """Return the health of every service. Readers that come at once share one answer."""
        return await self._latest.get(lambda: self._ask_all(client), KEPT_SECONDS)

    async def close(self) -> None:
        """End the requests to the services."""
        await self._latest.close()

    async def _ask_all(self, client: httpx2.AsyncClient) -> list[Health]:
        """Ask every service at once. A service that does not answer in time is away."""
        return await asyncio.gather(
            *(_ask(client, name, address) for name, address in self.addresses.items())
        )


async def _ask(client: httpx2.AsyncClient, name: str, address: str) -> Health:
    try:
        ready = await client.get(f"{address}/health/ready")
        if not ready.is_success:
            return Health(name, address, "not_ready")
        said = await client.get(f"{address}/health/issues")
        issues = _codes(said.json()) if said.is_success else []
    except (httpx2.HTTPError, ValueError):
        return Health(name, address, "away")
    return Health(name, address, "troubled" if issues else "healthy", issues)


def _codes(document: object) -> list[str]:
    listed = document.get("issues", []) if isinstance(document, dict) else []
    codes = (issue.get("code", "") if isinstance(issue, dict) else str(issue) for issue in listed)
    return [code for code in codes if code][:ISSUES_SHOWN_MAX]
