"""The token endpoint: an API key becomes a token of at most 15 minutes, and refusals have the words of RFC 6749."""

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared import api_keys
from shared.api_keys import ApiKeyRecord
from shared.auth.api_key import digest, new_key
from shared.ids import new_id
from tests.profile.running import NOW, Profile

SCOPES = ("customers:read", "purchases:read")
KEY_ID = new_id("key")


async def give(profile: Profile, partner: str = "mart", **more: Any) -> str:
    key = new_key()
    fields: dict[str, Any] = {
        "id": new_id("key"), "partner_id": partner, "label": "tests", "scopes": SCOPES, "created_at": NOW,
        "expires_at": None, "revoked_at": None, "record_version": 0,
    }  # fmt: skip
    async with profile.database.begin() as tx:
        await api_keys.insert(tx, ApiKeyRecord(key_hash=digest(key), **(fields | more)))
    return key


async def ask(profile: Profile, basic: str | None = None, **form: str) -> httpx2.Response:
    headers = {} if basic is None else {"Authorization": f"Basic {base64.b64encode(basic.encode()).decode()}"}
    async with profile.client(None) as client:
        return await client.post(
            "/oauth/token", data={"grant_type": "client_credentials"} | form, headers=headers
        )


async def customers(profile: Profile, answer: httpx2.Response) -> httpx2.Response:
    """Ask for something with the token of an answer."""
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    async with profile.client(None) as client:
        return await client.get("/v1/purchases", headers=bearer)


@pytest.mark.parametrize("name", ["mart", KEY_ID], ids=["the partner", "the key"])
@pytest.mark.parametrize("in_header", [True, False])
async def test_a_key_becomes_a_token_of_fifteen_minutes(
    one_profile: Profile, name: str, in_header: bool
) -> None:
    key = await give(one_profile, id=KEY_ID)

    answer = await (
        ask(one_profile, f"{name}:{key}")
        if in_header
        else ask(one_profile, client_id=name, client_secret=key)
    )

    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert (document["token_type"], document["expires_in"]) == ("Bearer", 900)
    assert document["scope"] == "customers:read purchases:read"
    assert answer.headers["cache-control"] == "no-store"
    assert (await customers(one_profile, answer)).status_code == 200
    one_profile.clock.advance(timedelta(minutes=15))
    assert (await customers(one_profile, answer)).json()["code"] == "token_expired"


async def test_the_form_may_name_the_client_of_the_header(one_profile: Profile) -> None:
    key = await give(one_profile, "tea.mart")

    answer = await ask(one_profile, f"tea%2Emart:{key}", client_id="tea.mart")

    assert answer.status_code == 200, answer.text


async def test_a_token_has_fewer_scopes_if_it_is_asked_for_fewer(one_profile: Profile) -> None:
    key = await give(one_profile)
    answer = await ask(one_profile, f"mart:{key}", scope="customers:read")

    assert answer.json()["scope"] == "customers:read"
    assert (await customers(one_profile, answer)).status_code == 403


async def test_a_token_ends_with_its_key(one_profile: Profile) -> None:
    key = await give(one_profile, expires_at=NOW + timedelta(minutes=2))

    assert (await ask(one_profile, f"mart:{key}")).json()["expires_in"] == 120


@pytest.mark.parametrize(
    ("form", "status", "code", "error"),
    [
        ({"grant_type": ""}, 400, "token_request_invalid", "invalid_request"),
        ({"grant_type": "password"}, 400, "grant_type_unsupported", "unsupported_grant_type"),
        ({"scope": "customers:read points:redeem"}, 400, "scope_invalid", "invalid_scope"),
        ({"client_secret": "x"}, 400, "token_request_invalid", "invalid_request"),
        ({"client_id": "brand"}, 400, "token_request_invalid", "invalid_request"),
    ],
)
async def test_a_refusal_has_the_word_of_the_standard(
    one_profile: Profile, form: dict[str, str], status: int, code: str, error: str
) -> None:
    answer = await ask(one_profile, f"mart:{await give(one_profile)}", **form)

    assert (answer.status_code, answer.json()["code"], answer.json()["error"]) == (status, code, error)


async def test_all_clients_that_are_not_known_look_alike(one_profile: Profile) -> None:
    key = await give(one_profile)
    revoked = await give(one_profile, revoked_at=NOW)
    expired = await give(one_profile, expires_at=NOW)
    tries = [
        f"other:{key}",
        f"mart:{revoked}",
        f"mart:{expired}",
        f"mart:{new_key()}",
        f"mart:{key[:-1]}",
        "mart:",
        "mart",
    ]

    answers = [await ask(one_profile, tried) for tried in tries] + [await ask(one_profile)]

    shown = {(answer.status_code, answer.json()["code"], answer.json()["detail"]) for answer in answers}
    assert len(shown) == 1
    assert answers[0].status_code == 401
    assert answers[0].json()["error"] == "invalid_client"
    assert answers[0].headers["www-authenticate"].startswith("Basic ")
    assert all(key not in answer.text for answer in answers)


@pytest.mark.parametrize(
    "content",
    [
        b"grant_type=a&grant_type=b",
        b"grant_type",
        b"\xff=1",
        b"&".join(b"a%d=1" % at for at in range(50)),
        b"{}",
        b"",
    ],
)
async def test_what_is_no_form_is_an_invalid_request(one_profile: Profile, content: bytes) -> None:
    async with one_profile.client(None) as client:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.post("/oauth/token", content=content, headers=headers)
        as_json = await client.post("/oauth/token", json={"grant_type": "client_credentials"})

    for refused in (answer, as_json):
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


async def test_another_issuers_installation_signs_nothing(one_profile: Profile, tmp_path: Path) -> None:
    key = await give(one_profile)
    elsewhere = one_profile.again(jwks=str(tmp_path / "jwks.json"))

    answer = await ask(elsewhere, f"mart:{key}")

    assert (answer.status_code, answer.json()["code"]) == (404, "tokens_issued_elsewhere")
    assert answer.json()["error"] == "unauthorized_client"


async def test_an_address_that_asks_too_often_without_a_key_is_refused(one_profile: Profile) -> None:
    small = one_profile.again(rate_token_address_per_minute=2)
    await give(one_profile)

    answers = [await ask(small, f"mart:{new_key()}") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[-1].headers["ratelimit-policy"] == '"token_address";q=2;w=60'
    assert answers[-1].json()["error"] == "temporarily_unavailable"


@pytest.mark.both_databases
async def test_a_request_that_gets_a_token_counts_for_its_partner(profile: Profile) -> None:
    small = profile.again(rate_token_address_per_minute=2, rate_partner_per_minute=4)
    key = await give(profile)

    wrong = await ask(small, f"mart:{new_key()}")
    answers = [await ask(small, f"mart:{key}") for _ in range(5)]
    last = await ask(small, f"mart:{new_key()}")
    refused = await ask(small, f"mart:{new_key()}")

    assert wrong.headers["ratelimit"].startswith('"token_address";r=1;')
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    assert [answer.headers["ratelimit"][:14] for answer in answers] == [
        f'"partner";r={left};' for left in (3, 2, 1, 0, 0)
    ]
    assert [answer.status_code for answer in (last, refused)] == [401, 429]


async def test_every_documented_refusal_of_the_endpoint_but_that_of_a_bug_has_the_word_of_the_standard(
    one_profile: Profile,
) -> None:
    responses = one_profile.app.openapi()["paths"]["/oauth/token"]["post"]["responses"]
    async with one_profile.client(None) as client:
        in_address = await client.post("/oauth/token", params={"client_secret": new_key()})
        in_query = await client.post("/oauth/token", params={"x": "y"})
        basic = [("Authorization", f"Basic {name}") for name in ("YTpi", "YzpkOg==")]
        twice = await client.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=basic)

    shown = [
        example["value"]
        for status, response in responses.items()
        if status not in ("200", "500")
        for example in response["content"]["application/problem+json"]["examples"].values()
    ]
    assert [example["code"] for example in shown if "error" not in example] == []
    assert [answer.json()["error"] for answer in (in_address, in_query, twice)] == ["invalid_request"] * 3
    assert twice.json()["code"] == "authorization_given_twice"
