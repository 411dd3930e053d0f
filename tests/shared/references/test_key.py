"""All services must hold one key of references: a service that holds another says so, and takes profile's in its place."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.events.profile import CustomerRegistered
from shared.ids import new_id
from shared.service.keys import prove_keys
from shared.settings import BadSetting
from shared.vault import open_vault, references_path
from tests.parts import facts, services
from tests.parts.databases import Kind
from tests.parts.opened import NOW
from tests.parts.services import Running
from tests.profile.running import open_profile

NAMES = ("loyalty", "feedback", "scoring")


async def registered(kind: Kind, folder: Path, external_id: str = "C-1") -> CustomerRegistered:
    """A registration as profile tells it, with a key of references of its own."""
    async with open_profile(kind, folder) as profile, profile.operator() as client:
        answer = await client.post("/v1/customers", json={"external_id": external_id}, headers=profile.key())
        assert answer.status_code == 201, answer.text
        (event,) = await profile.events_of(CustomerRegistered)
    return event


async def reasons(house: Running[Any]) -> list[str]:
    async with house.client(None) as client:
        answer = await client.get("/health/ready")
    return [] if answer.is_success else answer.json()["reasons"]


@pytest.mark.parametrize("name", NAMES)
async def test_a_service_with_another_key_says_so_until_it_has_that_of_profile(
    kind: Kind, tmp_path: Path, name: str
) -> None:
    (tmp_path / "profile").mkdir()
    event = await registered(kind, tmp_path / "profile")
    async with services.running(Running, name, kind, tmp_path / "other", now=NOW) as house:
        await prove_keys(house.service, house.runtime)
        assert await reasons(house) == []
        await house.deliver(event)
        (reason,) = await reasons(house)
        assert f"{name} holds another HUITOU_REFERENCE_KEY than profile" in reason

        shutil.copy(references_path(tmp_path / "profile"), references_path(house.home))
        mended = replace(house.runtime, vault=open_vault(house.home, name))
        again = Running(house.service, mended, house.clock)
        await prove_keys(again.service, mended)
        assert await reasons(again) == []
        async with again.operator() as client:
            path = {"loyalty": "/v1/members/ext:C-1", "feedback": "/v1/complaints?customer_id=ext:C-1"}
            answer = await client.get(path.get(name, "/v1/customers/ext:C-1/scores"))
        assert answer.is_success, answer.text
        await house.deliver(event)
        await prove_keys(again.service, mended)
        with pytest.raises(BadSetting):  # the wrong key does not come back
            await prove_keys(house.service, house.runtime)


async def test_the_same_key_is_no_issue_and_neither_is_an_older_event(kind: Kind, tmp_path: Path) -> None:
    async with services.running(Running, "loyalty", kind, tmp_path, now=NOW) as house:
        event = facts.registered(new_id("cus"), NOW)
        assert event.reference_key is None
        same = event.model_copy(
            update={"references": ("a" * 22,), "reference_key": house.vault.reference_mark}
        )
        await house.deliver(event, same)
        assert await reasons(house) == []
