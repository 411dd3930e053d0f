from collections.abc import Callable
from itertools import product

import pytest
from fastapi.routing import iter_route_contexts

from shared.auth.principal import ROLES
from shared.errors import DomainError, Kind
from shared.http.app import RepeatedOperationId, build_app
from shared.http.auth import PUBLIC, Allow, allow
from shared.http.dependencies import Reading, Transaction
from shared.http.openapi import operations, refusals
from shared.http.routes import Route, Router
from tests.parts import tokens
from tests.parts.till import SALE, SaleOut, Settings, Till, service
from tests.parts.tokens import Subject

ANA, BO = "cus_01k2m9d6v4e8r7a1b2c3d4e5fa", "cus_01k2m9d6v4e8r7a1b2c3d4e5fb"
SUBJECTS = [
    *(tokens.operator(role) for role in sorted(ROLES)),
    tokens.operator(name="nobody"),
    tokens.partner("mart", ("sales:write",)),
    tokens.partner("mart", ("other",)),
    tokens.customer(ANA),
    tokens.customer(BO),
]


class Ids(dict[str, str]):
    """An id for every path parameter."""

    def __missing__(self, name: str) -> str:
        return "none"


def address(route: Route) -> str:
    return route.path.format_map(Ids(customer_id=ANA))


def test_the_walk_sees_every_operation_that_the_document_has(one_till: Till) -> None:
    routes = operations(one_till.app.routes)
    described = [method for path in one_till.app.openapi()["paths"].values() for method in path]

    assert len(routes) == len(described) > 0
    others = [
        context.path
        for context in iter_route_contexts(one_till.app.routes)
        if not isinstance(context.original_route, Route)
    ]
    assert sorted(map(str, others)) == [
        "/asyncapi.json", "/docs", "/docs/{name}", "/metrics", "/openapi.json", "/problems/{code}",
    ]  # fmt: skip


async def test_everybody_is_refused_who_is_not_in_the_operations_row(one_till: Till) -> None:
    tried = 0
    for route, subject in product(operations(one_till.app.routes), SUBJECTS):
        path = route.path.format(
            customer_id=ANA, sale_id="sal_none", set_aside_id="sad_none", api_key_id="key_none"
        )
        async with one_till.client(subject) as client:
            answer = await client.request(route.method, path, json=SALE)
        code = answer.json().get("code")
        assert (code != "forbidden") == _may(route.operation.allow, subject), (
            route.operation.id,
            subject,
        )
        tried += 1
    assert tried == len(SUBJECTS) * len(operations(one_till.app.routes))


def _may(row: Allow, subject: Subject) -> bool:
    """The table read a second time, without the code under test; a customer is answered 404, not 403."""
    if row.public:
        return True
    match subject.kind:
        case "operator":
            return bool(set(subject.roles) & row.operators)
        case "partner":
            return row.partner_scope in subject.scopes
    return row.customer is not None


async def test_without_a_token_only_health_answers(one_till: Till) -> None:
    async with one_till.client(None) as client:
        for route in operations(one_till.app.routes):
            path = route.path.format(
                customer_id=ANA, sale_id="sal_none", set_aside_id="sad_none", api_key_id="key_none"
            )
            answer = await client.request(route.method, path, json=SALE)
            if route.operation.allow.public:
                assert answer.status_code == 200
                continue
            assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_two_authorizations_are_refused_whatever_they_are(one_till: Till) -> None:
    async with one_till.client(None) as client:
        for route in operations(one_till.app.routes):
            headers = [("Authorization", f"Bearer {one_till.token(subject)}") for subject in SUBJECTS[:2]]
            answer = await client.request(route.method, address(route), json=SALE, headers=headers)
            assert (answer.status_code, answer.json().get("code")) == (400, "authorization_given_twice")
            assert ("ratelimit" in answer.headers) == route.operation.is_counted


async def test_anothers_customer_looks_like_one_that_does_not_exist(one_till: Till) -> None:
    async with one_till.client() as client:
        sale = await client.post(f"/v1/customers/{ANA}/sales", json=SALE, headers={"Idempotency-Key": "k"})
    path = f"/v1/customers/{ANA}/sales/{sale.json()['id']}"
    async with one_till.client(tokens.customer(ANA)) as owner:
        own = await owner.get(path)
        none = await owner.get(f"/v1/customers/{ANA}/sales/sal_none")
    async with one_till.client(tokens.customer(BO)) as other:
        theirs = await other.get(path)
        invented = await other.get("/v1/customers/cus_zzz/sales/sal_none")
        written = await other.post(f"/v1/customers/{ANA}/sales", json=SALE, headers={"Idempotency-Key": "k"})

    assert own.status_code == 200
    bodies = [answer.json() | {"request_id": ""} for answer in (none, theirs, invented, written)]
    assert bodies == [bodies[0]] * 4
    assert {answer.status_code for answer in (none, theirs, invented, written)} == {404}
    assert await one_till.count_sales() == 1


class SaysTheId(DomainError):
    kind, code = Kind.NOT_FOUND, "says_the_id"


async def reads(read: Reading) -> SaleOut:
    """Read."""
    raise NotImplementedError


async def writes(tx: Transaction) -> SaleOut:
    """Write."""
    raise NotImplementedError


async def does_both(read: Reading, tx: Transaction) -> SaleOut:
    """Both."""
    raise NotImplementedError


async def says_nothing(read: Reading) -> SaleOut:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("endpoint", "options", "complaint"),
    [
        (reads, {"idempotency": "optional"}, "kept in the transaction"),
        (does_both, {}, "Transaction or for Reading"),
        (says_nothing, {}, "no docstring"),
        (reads, {"allow": allow(customer="self")}, "needs {customer_id}"),
        (reads, {"allow": allow(customer="owned"), "errors": (SaysTheId,)}, "must not repeat the id"),
        (writes, {"allow": PUBLIC, "idempotency": "required"}, "belongs to a principal"),
    ],
)
def test_an_operation_that_contradicts_itself_cannot_be_declared(
    endpoint: Callable[..., object], options: dict[str, object], complaint: str
) -> None:
    declared = {"operation_id": "try_it", "summary": "Try", "allow": allow({"admin"})} | options

    with pytest.raises(TypeError, match=complaint):
        Router(tags=["x"]).post("/v1/x", **declared)(endpoint)  # type: ignore[type-var]


def test_who_may_call_it_cannot_be_left_out() -> None:
    with pytest.raises(TypeError, match="allow"):
        Router(tags=["x"]).get("/v1/x", operation_id="x", summary="x")


def test_an_operation_id_given_twice_is_refused(one_till: Till) -> None:
    twice = service(one_till.runtime.settings, one_till.runtime.settings.home)
    assert isinstance(twice.settings, Settings)
    object.__setattr__(twice, "routers", (*twice.routers, *twice.routers))

    with pytest.raises(RepeatedOperationId, match="record_sale"):
        build_app(twice, one_till.runtime)


def test_refusals_are_what_is_declared_and_what_comes_with_it(one_till: Till) -> None:
    record = next(route for route in operations(one_till.app.routes) if route.operation.id == "record_sale")

    codes = {error.code for error in refusals(record.operation)}
    assert codes == {
        "unknown_sale", "till_closed", "not_found", "no_customer_of_token", "customer_says_me", "token_keys_unavailable", "token_missing", "token_invalid", "token_expired", "token_audience", "token_subject", "token_too_long", "api_key_malformed", "api_key_unknown", "api_key_in_address", "authorization_given_twice", "forbidden", "rate_limited",
        "idempotency_key_required", "idempotency_key_invalid", "idempotency_key_reused", "request_in_progress",
        "malformed_json", "duplicate_name", "body_too_complex", "body_late", "body_too_large", "too_many_chunks", "unsupported_media_type", "invalid_request",
        "unavailable", "disk_full", "target_too_long", "head_too_large",
    }  # fmt: skip
