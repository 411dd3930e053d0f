import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx2
import pytest

from huitou import tokens
from huitou.exits import Exit
from tests.parts import stacks
from tests.parts.installations import Installation
from tests.parts.waiting import until

BOUGHT = {
    "source": "web", "order_id": "A-1", "purchased_at": "2026-03-01T09:30:00Z", "currency": "CNY",
    "customer": {"external_id": "C-1"}, "lines": [{"sku": "TEA", "quantity": 2, "amount_minor": 5_000}],
}  # fmt: skip
SETTLED_SECONDS_MAX = 60.0


async def member(installation: Installation, customer_id: str) -> dict[str, Any] | None:
    """What loyalty knows of a customer; None while it has not heard of them."""
    headers = {"Authorization": f"Bearer {tokens.operator(installation.home, 'admin')}"}
    loyalty = stacks.local_addresses(installation.port_base)["loyalty"]
    async with httpx2.AsyncClient(base_url=loyalty, headers=headers) as client:
        answer = await client.get(f"/v1/members/{customer_id}")
    return answer.json() if answer.is_success else None


def positions(home: Path) -> list[int]:
    with sqlite3.connect(home / "loyalty.db") as database:
        return [offset for (offset,) in database.execute("select next_offset from consumer_position")]


def audited(home: Path) -> list[str]:
    """The operations in the audit trail of loyalty."""
    with sqlite3.connect(home / "loyalty.db") as database:
        return [operation for (operation,) in database.execute("select operation from audit")]


@pytest.mark.slow
async def test_a_replay_waits_for_the_product_to_be_stopped_and_changes_nothing(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "home")
    found: list[dict[str, Any]] = []

    with installation.up("--no-demo"):
        profile = stacks.local_addresses(installation.port_base)["profile"]
        headers = {"Authorization": f"Bearer {tokens.operator(installation.home, 'agent')}"}
        async with httpx2.AsyncClient(base_url=profile, headers=headers) as client:
            customer_id = (await client.post("/v1/purchases", json=BOUGHT)).json()["customer_id"]

        async def earned() -> bool:
            known = await member(installation, customer_id)
            found.extend([known] if known else [])
            return known is not None and known["points"]["active"] == 50

        await until(earned, seconds_max=SETTLED_SECONDS_MAX, what="the points are there")
        while_running = installation.run("replay", "loyalty")
    assert sum(positions(installation.home)) > 0
    done = installation.run("replay", "loyalty", "--forget-seen")
    assert set(positions(installation.home)) == {0}
    assert audited(installation.home) == ["replay"]
    with installation.up("--no-demo"):

        async def read_again() -> bool:
            return sum(positions(installation.home)) > 0

        await until(read_again, seconds_max=SETTLED_SECONDS_MAX, what="loyalty has read its topics again")
        assert await member(installation, customer_id) == found[-1]
    verified = installation.run("verify", "--json")

    assert (while_running.returncode, while_running.stdout) == (Exit.HOME_IN_USE, "")
    assert "already runs" in while_running.stderr
    assert (done.returncode, done.stderr) == (Exit.DONE, "")
    assert done.stdout.startswith("loyalty reads ")
    assert json.loads(verified.stdout) == {"ok": True, "drifts": []}


def test_what_cannot_be_read_again_is_refused_in_a_sentence(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "home")

    unknown = installation.run("replay", "billing")
    nothing = installation.run("replay", "profile")
    other = installation.run("replay", "loyalty", "--topic", "huitou.scores")

    assert [ended.returncode for ended in (unknown, nothing, other)] == [Exit.USAGE] * 3
    assert unknown.stderr == "There is no service 'billing'; there are profile, loyalty, feedback, scoring.\n"
    assert nothing.stderr == "profile consumes nothing, so there is nothing to read again.\n"
    assert other.stderr.startswith(
        "loyalty does not consume huitou.scores; it consumes huitou.access, huitou.customers"
    )
    assert "Traceback" not in unknown.stderr + nothing.stderr + other.stderr
