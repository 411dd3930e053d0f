"""Reading after a fact: `after=` on members, ledgers and scores."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from shared.events.base import Cause
from shared.events.feedback import RemedyGranted
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


async def test_an_answer_waits_for_a_return_and_for_a_remedy(tmp_path: Path) -> None:
    async with opened("loyalty", tmp_path) as house:
        bought = facts.purchase(house.owner, NOW, [facts.line("tea", 1, 100)])
        back = facts.returned(bought, NOW, [(1, 1, 1)])
        remedy = _granted(house.owner)
        await house.tell(bought)
        for event, fact_id in ((back, back.return_id), (remedy, remedy.remedy_id)):
            for path in ("/v1/members/{}", "/v1/members/{}/ledger"):
                address = path.format(house.owner)
                answer, _ = await asyncio.gather(_after(house, address, fact_id), house.tell(event))
                assert answer == {"id": fact_id, "applied": True}


async def test_an_answer_of_scoring_waits_for_a_return(tmp_path: Path) -> None:
    async with opened("scoring", tmp_path) as house:
        bought = facts.purchase(house.owner, NOW, [facts.line("tea", 1, 100)])
        back = facts.returned(bought, NOW, [(1, 1, 1)])
        await house.tell(bought)
        address = f"/v1/customers/{house.owner}/scores"
        answer, _ = await asyncio.gather(_after(house, address, back.return_id), house.tell(back))
    assert answer == {"id": back.return_id, "applied": True}


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


def _granted(customer_id: str) -> RemedyGranted:
    remedy_id = new_id("rem")
    return RemedyGranted(
        identity_id=customer_id,
        customer_id=customer_id,
        occurred_at=NOW,
        cause=Cause(kind="complaint", id=remedy_id),
        remedy_id=remedy_id,
        complaint_id=new_id("cmp"),
        kind="points",
        points=5,
        granted_at=NOW,
        deadline_at=NOW + timedelta(days=1),
    )


async def _after(house: Opened, address: str, fact_id: str) -> object:
    async with house.client(ADMIN) as client:
        answer = await client.get(address, params={"after": fact_id})
    assert answer.status_code == 200, answer.text
    return answer.json()["after"]
