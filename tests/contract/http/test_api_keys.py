"""API keys at every operation of all services: accepted exactly where the partner's token is, and refused as no token is."""

from datetime import timedelta
from typing import Any

import httpx2

from shared import api_keys
from shared.api_keys import ApiKeyRecord, ApiKeys
from shared.auth.api_key import digest, new_key
from shared.auth.principal import Principal
from shared.ids import new_id
from tests.contract.http.asking import ask, named_in_path
from tests.parts.opened import ADMIN, NOW, Opened


async def give(house: Opened, partner: str = "mart", **more: Any) -> str:
    """Put a key with every scope into the register or its copy, and return it."""
    key = new_key()
    fields: dict[str, Any] = {
        "partner_id": partner, "label": "tests", "scopes": house.with_every_scope(partner).scopes, "created_at": NOW,
        "expires_at": None, "revoked_at": None, "record_version": 0,
    }  # fmt: skip
    async with house.database.begin() as tx:
        await api_keys.insert(tx, ApiKeyRecord(id=new_id("key"), key_hash=digest(key), **(fields | more)))
    return key


async def test_a_key_is_the_partner_that_its_token_is(house: Opened) -> None:
    key, subject = await give(house), house.with_every_scope("mart")

    by_key = await ApiKeys(house.runtime).principal(key)

    by_token = await house.runtime.tokens.verify(house.token(subject))
    assert by_key == by_token == Principal("partner", "mart", scopes=frozenset(subject.scopes))


async def test_every_operation_answers_a_key_as_it_answers_the_token(house: Opened) -> None:
    key, other = await give(house), await give(house, "other")
    for route in house.routes:
        ids = {name: house.of_partner.get(name, new_id("sad")) for name in named_in_path(route)}
        for partner, bearer in (("mart", key), ("other", other)):
            by_key = await ask(house, route, ids, bearer=bearer)
            by_token = await ask(house, route, ids, subject=house.with_every_scope(partner))
            # What the first request has created or ended, the second finds so: it may be 200 or 409 in place of 201.
            assert _hidden(by_key) == _hidden(by_token), (route.operation.id, by_key.text, by_token.text)


def _hidden(answer: httpx2.Response) -> str | None:
    """Return the code of an answer that keeps its caller out, or None."""
    return answer.json()["code"] if answer.status_code in (401, 403, 404) else None


async def test_no_operation_accepts_a_key_that_is_not_in_force(house: Opened) -> None:
    genuine = await give(house)
    refused = {
        "wrong checksum": (genuine[:-1] + ("A" if genuine[-1] != "A" else "B"), "api_key_malformed"),
        "cut": (genuine[:-1], "api_key_malformed"),
        "a prefix alone": ("huk_live_", "api_key_malformed"),
        "never made": (new_key(), "api_key_unknown"),
        "revoked": (await give(house, revoked_at=NOW), "api_key_unknown"),
        "expired": (await give(house, expires_at=NOW), "api_key_unknown"),
        "expired before": (await give(house, expires_at=NOW - timedelta(days=1)), "api_key_unknown"),
    }
    for route in house.routes:
        if route.operation.allow.public:
            continue
        ids = {name: house.of_owner.get(name, new_id("sad")) for name in named_in_path(route)}
        for attack, (key, code) in refused.items():
            answer = await ask(house, route, ids, bearer=key)
            assert (answer.status_code, answer.json()["code"]) == (401, code), (route.operation.id, attack)
            assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
            assert key not in answer.text or key == "huk_live_"


async def test_no_operation_takes_a_key_in_its_address(house: Opened) -> None:
    key = await give(house)
    small = house.again(rate_address_per_minute=1_000, rate_token_address_per_minute=1_000)
    for route in small.routes:
        path = route.path_format.format_map(dict.fromkeys(named_in_path(route), "x"))
        async with small.client(ADMIN) as client:
            answers = [
                await client.request(route.method, path, params={name: key}) for name in ("api_key", "limit")
            ]
            if named_in_path(route):
                below = route.path_format.format_map(dict.fromkeys(named_in_path(route), key))
                answers.append(await client.request(route.method, below))
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (400, "api_key_in_address"), (
                route.operation.id
            )
            assert key not in answer.text
            assert ("ratelimit" in answer.headers) == route.operation.is_counted


async def test_the_document_says_both_ways_where_a_partner_may_ask(house: Opened) -> None:
    document = house.app.openapi()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "api_key"}
    for route in house.routes:
        described = document["paths"][route.path_format][route.method.lower()]
        assert ({"api_key": []} in described["security"]) == (route.operation.allow.partner_scope is not None)
