"""Every code that some operation documents is answered to a test. Here are those that no other test has a reason to reach."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.profile.people.storage.tables import identity
from shared.consume.tables import set_aside
from tests.architecture.sources import ROOT
from tests.parts import answered
from tests.parts.opened import ADMIN, NAMES, opened

TOO_OLD = {"kind": "agent", "body": "Sorry.", "occurred_at": "2020-01-01T00:00:00Z"}
COMPLAINT = {"channel": "web", "title": "It leaks", "body": "It drips."}
DEEP: Any = json.loads("[" * 500 + "]" * 500)
Case = tuple[str, str, str, Any, int, str]
CASES: list[Case] = [
    ("profile", "GET", "/v1/purchases/pur_none", None, 404, "purchase_not_found"),
    ("profile", "GET", "/v1/returns/ret_none", None, 404, "return_not_found"),
    ("loyalty", "POST", "/v1/set-aside/{set_aside_id}/retry", None, 409, "still_refused"),
    ("profile", "POST", "/v1/customers", DEEP, 422, "body_too_complex"),
    ("profile", "POST", "/v1/customers", {"external_id": "\u200b"}, 422, "external_id_invalid"),
    ("loyalty", "GET", "/v1/members/{customer_id}/adjustments/adj_none", None, 404, "adjustment_not_found"),
    ("loyalty", "GET", "/v1/members/{customer_id}/redemptions/red_none", None, 404, "redemption_not_found"),
    ("feedback", "GET", "/v1/complaints/cmp_none", None, 404, "complaint_not_found"),
    ("feedback", "POST", "/v1/complaints", COMPLAINT, 422, "customer_required"),
    (
        "feedback", "POST", "/v1/complaints/{complaint_id}/messages", TOO_OLD, 422, "occurred_at_refused",
    ),
    (
        "feedback", "POST", "/v1/complaints/{complaint_id}/messages/msg_none/confirmations", None, 404,
        "message_not_found",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("service", "method", "path", "body", "status", "code"), CASES)
async def test_a_request_reaches_the_code(
    service: str, method: str, path: str, body: Any, status: int, code: str, tmp_path: Path
) -> None:
    async with opened(service, tmp_path) as house, house.client(ADMIN) as client:
        answer = await client.request(method, path.format_map(house.of_owner), json=body, headers=house.key())

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_record_of_a_consumer_that_is_gone_cannot_be_retried(tmp_path: Path) -> None:
    async with opened("loyalty", tmp_path) as house, house.client(ADMIN) as client:
        async with house.database.begin() as tx:
            await tx.execute(set_aside.update().values(consumer="gone"))
        answer = await client.post(f"/v1/set-aside/{house.of_owner['set_aside_id']}/retry")

    assert (answer.status_code, answer.json()["code"]) == (409, "no_such_consumer"), answer.text


async def test_a_customer_whose_identity_never_settles_is_asked_to_come_back(tmp_path: Path) -> None:
    """An identifier that leads to an erased identity is read again, until its erasure is seen whole."""
    async with opened("profile", tmp_path) as house, house.client(ADMIN) as client:
        async with house.database.begin() as tx:
            await tx.execute(identity.update().values(state="erased"))
        answer = await client.post("/v1/customers", json={"external_id": NAMES["external_id"]})

    assert (answer.status_code, answer.json()["code"]) == (503, "busy"), answer.text


def test_the_run_of_all_tests_is_the_one_that_must_meet_every_documented_code() -> None:
    """`tests/conftest.py` fails that run if some documented code was answered to no test."""
    makefile = (ROOT / "Makefile").read_text()

    assert makefile.count(f"-m '{answered.EVERYTHING}' $(ARGS)") == 1, "make test"
    assert len(answered.documented()) > 100
