"""Reading after a fact: `after=` on members, ledgers and scores."""

import asyncio
from pathlib import Path

import pytest

from shared.http import awaiting
from shared.ids import new_id
from tests.parts import facts
from tests.parts.databases import Kind
from tests.parts.opened import ADMIN, NOW, Opened, opened

READS = [
    ("loyalty", "/v1/members/{}"),
    ("loyalty", "/v1/members/{}/ledger"),
    ("scoring", "/v1/customers/{}/scores"),
]


@pytest.mark.parametrize(("name", "path"), READS)
async def test_an_answer_waits_for_the_fact(name: str, path: str, kind: Kind, tmp_path: Path) -> None:
    async with opened(name, tmp_path, kind) as house:
        bought = facts.purchase(house.owner, NOW, [facts.line("tea", 1, 100)])
        address = path.format(house.owner)
        answer, _ = await asyncio.gather(_after(house, address, bought.purchase_id), house.tell(bought))

    assert answer == {"id": bought.purchase_id, "applied": True}


@pytest.mark.parametrize(("name", "path"), READS)
async def test_anothers_fact_is_like_an_unknown_one(
    name: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaiting, "WAIT_SECONDS_MAX", 0.05)
    async with opened(name, tmp_path) as house:
        anothers = facts.purchase(house.other, NOW, [facts.line("tea", 1, 100)])
        await house.tell(anothers)
        for fact_id in (anothers.purchase_id, new_id("pur"), new_id("ret")):
            assert await _after(house, path.format(house.owner), fact_id) == {"id": fact_id, "applied": False}


async def _after(house: Opened, address: str, fact_id: str) -> object:
    async with house.client(ADMIN) as client:
        answer = await client.get(address, params={"after": fact_id})
    assert answer.status_code == 200, answer.text
    return answer.json()["after"]
