"""A complaint is found by the number that people use for it, by those who may see it."""

from pathlib import Path

from tests.parts import tokens
from tests.parts.opened import AGENT, opened


async def test_a_complaint_is_found_by_its_number(tmp_path: Path) -> None:
    async with opened("feedback", tmp_path) as house:
        complaint_id = house.of_owner["complaint_id"]
        async with house.client(AGENT) as client:
            number = (await client.get(f"/v1/complaints/{complaint_id}")).json()["number"]
        for subject, seen in (
            (AGENT, [complaint_id]),
            (tokens.customer(house.owner), [complaint_id]),
            (tokens.customer(house.other), []),
            (house.with_every_scope("mart"), []),
        ):
            async with house.client(subject) as client:
                listed = (await client.get("/v1/complaints", params={"number": number})).json()["items"]
            assert [complaint["id"] for complaint in listed] == seen
