"""Attacks on every operation of all services, computed from the OpenAPI documents."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.http.routes import Route
from shared.ids import new_id
from tests.contract.http import bad_values
from tests.contract.http.asking import ask, example_body, named_in_path
from tests.contract.http.places import nodes, pointer_of, replaced
from tests.parts.forging import ATTACKS, Issuer
from tests.parts.opened import ADMIN, Opened

pytestmark = pytest.mark.slow

ELSEWHERE: dict[str, tuple[dict[str, Any], str]] = {
    "another audience": ({"aud": "else"}, "token_audience"),
    "no audience": ({"aud": None}, "token_audience"),
    "all audiences": ({"aud": ["operations", "partners", "storefront"]}, "token_audience"),
    "expired": ({"exp": 1}, "token_expired"),
    "not yet": ({"nbf": 2**40}, "token_expired"),
    "too long": ({"exp": 2**40}, "token_too_long"),
}
"""Claims of genuine tokens that are for another time or place."""
PRIVILEGES = (
    "role", "roles", "scope", "scopes", "is_admin", "admin", "sub", "iss", "issuer", "actor", "operator", "approved",
    "approved_by", "owner_id", "identity_id", "customer_id", "balance", "erased_at", "created_at", "updated_at", "version",
)  # fmt: skip
"""Names of what only the service decides, beside the fields of its answers."""
NAMES_AT_ONCE = 40


async def test_no_operation_accepts_a_token_that_is_not_genuine(house: Opened) -> None:
    """The JWT matrix: operation x attack. The answers of one attack are the same everywhere, and nothing is done."""
    issuer = Issuer(house.home, house.clock)
    tried = 0
    for route in house.routes:
        if route.operation.allow.public:
            continue
        ids = {name: house.of_owner.get(name, new_id("sad")) for name in named_in_path(route)}
        for attack, forge in ATTACKS.items():
            if (token := forge(issuer)).isascii() and "\x00" not in token:
                answer = await ask(house, route, ids, bearer=token)
                assert answer.status_code == 401, (route.operation.id, attack)
                assert answer.json()["code"] in ("token_invalid", "token_subject"), (
                    route.operation.id,
                    attack,
                )
                tried += 1
        for attack, (claims, code) in ELSEWHERE.items():
            answer = await ask(house, route, ids, bearer=issuer.sign(claims))
            assert (answer.status_code, answer.json()["code"]) == (401, code), (route.operation.id, attack)
    assert tried > len(ATTACKS)


async def test_the_genuine_token_of_the_matrix_is_accepted(house: Opened) -> None:
    issuer = Issuer(house.home, house.clock)
    for route in house.routes:
        ids = {name: house.of_owner.get(name, new_id("sad")) for name in named_in_path(route)}
        if not route.operation.allow.public:
            assert (await ask(house, route, ids, bearer=issuer.sign())).status_code != 401


async def test_no_operation_takes_what_only_the_service_decides(house: Opened) -> None:
    """The mass-assignment matrix: operation x object in its body x name of what answers show, or of a privilege."""
    document = house.app.openapi()
    shown = {
        name for schema in document["components"]["schemas"].values() for name in schema.get("properties", {})
    }
    tried = 0
    for route in house.routes:
        for place, declared in objects(document, house, route):
            foreign = sorted((shown | set(PRIVILEGES)) - declared)
            for start in range(0, len(foreign), NAMES_AT_ONCE):
                some = foreign[start : start + NAMES_AT_ONCE]
                sent = example_body(house, route)
                inner = at(sent, place)
                content = replaced(sent, place, inner | dict.fromkeys(some, "x"))
                ids = {name: house.of_owner.get(name, new_id("sad")) for name in named_in_path(route)}
                answer = await ask(house, route, ids, subject=ADMIN, content=content)
                assert answer.status_code == 422, (route.operation.id, some)
                refused = {
                    error["pointer"] for error in answer.json()["errors"] if error["code"] == "unknown_field"
                }
                assert refused == {pointer_of((*place, name)) for name in some}, route.operation.id
                tried += len(some)
    assert tried > 100


def objects(document: dict[str, Any], house: Opened, route: Route) -> Iterator[tuple[Any, set[str]]]:
    """Yield the place of every object in the example of an operation's body, and the fields that it may have."""
    described = document["paths"][route.path_format][route.method.lower()]
    content = described.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        schema = content["application/json"]["schema"]
        for node in nodes(document, schema, example_body(house, route)):
            if isinstance(node.value, dict) and bad_values.closed(node.schema):
                yield node.place, set(node.schema["properties"])


def at(document: Any, place: Any) -> Any:
    """Return the value at a place of a document."""
    for step in place:
        document = document[step]
    return document
