"""Who may do what, over every operation of the four services: generated from the table of operations."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from shared.auth.access import Allow
from shared.http.routes import Route
from shared.ids import new_id
from tests.contract.http.asking import ANYTHING, example_body, named_in_path
from tests.parts import tokens
from tests.parts.opened import ADMIN, NAMES, Opened, opened, purchase
from tests.parts.tokens import Subject

KINDS_OF_ID = {
    "customer_id": "cus", "purchase_id": "pur", "complaint_id": "cmp", "message_id": "msg", "remedy_id": "rem",
    "fit_id": "fit", "set_aside_id": "sad", "return_id": "ret", "redemption_id": "red", "adjustment_id": "adj",
    "job_id": "job", "api_key_id": "key", "hold_id": "hold", "claim_id": "rwc", "activity_id": "act", "transfer_id": "trf",
    "approval_id": "apr", "rulebook_id": "rules", "version_id": "prog", "entry_id": "txn_purchase",
}  # fmt: skip
"""Every path parameter that names a thing of somebody's, and how its ids begin."""
NOBODYS = {"kind", "name", "code", "budget", "reward", "coupon", "batch_id"}
"""Path parameters that name no such thing."""

Answer = tuple[int, dict[str, Any]]


async def _ask(house: Opened, subject: Subject, route: Route, ids: Mapping[str, str]) -> Answer:
    path = route.path_format.format_map(dict.fromkeys(named_in_path(route), ANYTHING) | dict(ids))
    return await _send(house, subject, route.method, path, example_body(house, route))


async def _send(house: Opened, subject: Subject, method: str, path: str, body: Any) -> Answer:
    headers = {"Idempotency-Key": new_id("key")}
    async with house.client(subject) as client:
        return _plain(await client.request(method, path, json=body, headers=headers))


def _plain(answer: httpx2.Response) -> Answer:
    document = answer.json()
    return answer.status_code, document | {"request_id": ""} if isinstance(document, dict) else document


def _owned(house: Opened) -> Iterator[tuple[Route, dict[str, str], list[Subject], Subject]]:
    """Every operation on somebody's thing, with its ids, who must not know of it, and whose it is."""
    strangers = [tokens.customer(house.other), house.with_every_scope("bazaar")]
    for route in house.routes:
        names = [name for name in named_in_path(route) if name not in NOBODYS]
        if not names:
            continue
        for ids, owner, more in (
            (house.of_owner, tokens.customer(house.owner), house.with_every_scope("mart")),
            (house.of_partner, house.with_every_scope("mart"), tokens.customer(house.owner)),
        ):
            if set(names) <= ids.keys():
                yield route, {name: ids[name] for name in names}, [*strangers, more], owner


async def test_every_path_parameter_is_known_to_the_matrix(house: Opened) -> None:
    named = {name for route in house.routes for name in named_in_path(route)}

    assert named <= KINDS_OF_ID.keys() | NOBODYS
    asked = {route.operation.id for route, *_ in _owned(house)}
    assert asked == {r.operation.id for r in house.routes if set(named_in_path(r)) & KINDS_OF_ID.keys()} - (
        {"get_set_aside", "retry_set_aside", "discard_set_aside"}
        if house.service.name == "profile"
        else set()
    )


async def test_what_is_anothers_is_answered_like_what_is_nobodys(house: Opened) -> None:
    """The BOLA matrix: operation x whose thing x who asks."""
    for route, ids, strangers, _ in _owned(house):
        nobodys = {name: new_id(KINDS_OF_ID[name]) for name in ids}
        for stranger in strangers:
            real = await _ask(house, stranger, route, ids)
            none = await _ask(house, stranger, route, nobodys)
            words = f"{route.operation.id} by {stranger.kind} {stranger.id}"
            assert real == none, words
            assert real[0] == (404 if _in_the_row(route.operation.allow, stranger) else 403), words


async def test_the_matrix_asks_for_things_that_are_there(house: Opened) -> None:
    for route, ids, _, owner in _owned(house):
        if _in_the_row(route.operation.allow, owner):
            status, document = await _ask(house, owner, route, ids)
            assert status not in (401, 404), (route.operation.id, document)
            assert document.get("code") != "forbidden", (route.operation.id, document)


async def test_what_hangs_on_another_complaint_does_not_hang_on_this_one(tmp_path: Any) -> None:
    """Also for those who may see both: what a path names further on is looked for below what it names first."""
    tried = 0
    async with opened("feedback", tmp_path) as house:
        for route in house.routes:
            for below in named_in_path(route)[1:]:
                ids = {name: house.of_owner[name] for name in named_in_path(route)}
                anothers = await _ask(house, ADMIN, route, ids | {below: house.of_partner[below]})
                nobodys = await _ask(house, ADMIN, route, ids | {below: new_id(KINDS_OF_ID[below])})
                assert anothers == nobodys, (route.operation.id, below)
                assert anothers[0] == 404
                tried += 1
    assert tried


async def test_a_list_filtered_by_anothers_customer_is_that_of_nobodys(house: Opened) -> None:
    for route in house.routes:
        if "customer_id" not in route.operation.query:
            continue
        for stranger, ids in product(
            (tokens.customer(house.other), house.with_every_scope("bazaar")), _both(house)
        ):
            real, none = [
                await _send(house, stranger, "GET", f"{route.path_format}?customer_id={customer_id}", None)
                for customer_id in (ids["customer_id"], new_id("cus"))
            ]
            assert real == none, (route.operation.id, stranger.kind)


def _both(house: Opened) -> list[dict[str, str]]:
    return [ids for ids in (house.of_owner, house.of_partner) if "customer_id" in ids]


async def test_lists_hold_only_what_is_the_callers(house: Opened) -> None:
    for route in house.routes:
        if named_in_path(route) or route.method != "GET" or route.operation.allow.public:
            continue
        for caller in (tokens.customer(house.other), house.with_every_scope("bazaar")):
            if _in_the_row(route.operation.allow, caller):
                status, document = await _send(house, caller, "GET", route.path_format, None)
                text = str(document)
                assert status == 200, (route.operation.id, caller.kind)
                assert not [
                    foreign_id for ids in _both(house) for foreign_id in ids.values() if foreign_id in text
                ]


async def test_everybody_is_refused_who_is_not_in_the_operations_row(house: Opened) -> None:
    """The role matrix."""
    nobodys = {name: new_id(prefix) for name, prefix in KINDS_OF_ID.items()}
    for route, subject in product(house.routes, house.subjects):
        status, document = await _ask(house, subject, route, nobodys)
        refused = status == 403 and document.get("code") == "forbidden"
        assert refused != _in_the_row(route.operation.allow, subject), (route.operation.id, subject, document)


def _in_the_row(row: Allow, subject: Subject) -> bool:
    """The table read a second time, without the code under test."""
    if row.public:
        return True
    match subject.kind:
        case "operator":
            return bool(set(subject.roles) & row.operators)
        case "partner":
            return row.partner_scope in subject.scopes
    return row.customer is not None


async def test_a_subject_without_the_form_of_its_kind_is_refused_by_every_operation(house: Opened) -> None:
    """A customer's token whose subject is no id of ours was a 500 where the id was stored."""
    for route, subject in product(house.routes, MALFORMED):
        if route.operation.allow.public:
            continue
        status, document = await _ask(
            house, subject, route, {name: new_id("cus") for name in named_in_path(route)}
        )
        assert (status, document["code"]) == (401, "token_subject"), (route.operation.id, subject)
        assert "`sub`" in document["detail"]


MALFORMED = [
    *(Subject("customer", name) for name in ("ana", "cus_a", "ext:C-1", "cus_" + "u" * 26)),
    *(Subject("partner", name) for name in ("a b", "a:b", "a" * 65)),
    Subject("operator", "a b", ("admin",)),
]


async def test_a_partner_cannot_name_anothers_customer(tmp_path: Any) -> None:
    async with opened("profile", tmp_path) as house:
        asked = [house.owner, house.of_partner["customer_id"], new_id("cus")]
        for path, body_of in (
            ("/v1/customers", lambda each: {"id": each, "name": "Mine"}),
            ("/v1/purchases", lambda each: purchase("new-order", customer={"id": each})),
            ("/v1/purchases:batch", lambda each: {"items": [purchase("new-order", customer={"id": each})]}),
        ):
            answers = [
                await _send(house, house.with_every_scope("bazaar"), "POST", path, body_of(customer_id))
                for customer_id in asked
            ]
            words = [re.sub(r"req_\w+", "", str(answer)) for answer in answers]
            assert words[0] == words[1] == words[2], path
            assert "unknown_customer" in words[0]


async def test_a_name_that_others_use_is_answered_like_one_that_nobody_uses(house: Opened) -> None:
    """Natural keys and identifiers live within their issuer: operation x how it names things x who asks.

    The shop and the partner `mart` use the names for things of their own. To everybody else they say nothing.
    """
    tried = 0
    strangers = [house.with_every_scope("kiosk"), tokens.customer(house.other)]
    for route, stranger in product(house.routes, strangers):
        if not _in_the_row(route.operation.allow, stranger) or named_in_path(route):
            continue
        for names in _namings(house, route):
            unused = {name: UNUSED.get(name) or new_id(KINDS_OF_ID[name]) for name in names}
            answers = []
            for named in (names, unused):
                if route.method == "GET":
                    path = f"{route.path_format}?{urlencode(named)}"
                    answer = await _send(house, stranger, "GET", path, None)
                else:
                    answer = await _send(
                        house, stranger, "POST", route.path_format, _named(example_body(house, route), named)
                    )
                answers.append(_without_names(answer, named))
            assert answers[0] == answers[1], (route.operation.id, stranger.kind, names)
            assert answers[0][0] != 404 or route.operation.id in FOUND_BY_NAME
            tried += 1
    assert tried or house.service.name in ("loyalty", "scoring")


FOUND_BY_NAME = ("look_up_customer", "claim_purchase")
"""The operations on what the body names: they answer 404 to every name that leads to nothing."""
UNUSED = {
    "source": "web", "order_id": "none-1", "return_id": "none-1", "external_id": "none", "phone": "+8613900139001",
    "email": "nobody@example.com",
}  # fmt: skip


def _namings(house: Opened, route: Route) -> Iterator[dict[str, str]]:
    """Every way in which an operation can name things of others, one identifier at a time."""
    if route.method == "GET":
        for name in {*NAMES, "customer_id"} & route.operation.query:
            yield from (
                {name: value}
                for value in (
                    [NAMES[name]] if name in NAMES else [house.owner, *map(_customer, _both(house))]
                )
            )
        return
    text = str(example_body(house, route))
    keys = {name: NAMES[name] for name in ("source", "order_id", "return_id") if f"'{name}'" in text}
    for kind in ("external_id", "phone", "email"):
        if f"'{kind}'" in text or "'phone'" in text or "'external_id'" in text:
            yield keys | {kind: NAMES[kind]}
    if "'customer'" in text or "'order'" in text:
        yield keys


def _customer(ids: dict[str, str]) -> str:
    return ids["customer_id"]


def _named(body: Any, names: Mapping[str, str]) -> Any:
    """The same body with these names in place of its own; of identifiers only those that are named."""
    if isinstance(body, list):
        return [_named(item, names) for item in body]
    if not isinstance(body, dict):
        return body
    identifiers = {"external_id", "phone", "email"}
    kept = {name: _named(value, names) for name, value in body.items() if name not in identifiers}
    kept |= {name: value for name, value in names.items() if name in kept and name not in identifiers}
    return kept | {name: names[name] for name in identifiers & names.keys() if identifiers & body.keys()}


def _without_names(answer: Answer, names: Mapping[str, str]) -> Answer:
    """An answer without the names that were asked for, and without ids, which are new each time."""
    text = json.dumps(answer[1])
    for name, value in names.items():
        text = text.replace(json.dumps(value), f'"<{name}>"')
    text = re.sub(r"\b(cus|pur|ret|rec|cmp|req)_[0-9a-z]{26}", r"\1_", text)
    return answer[0], json.loads(re.sub(r"C-\d{6}-\w{5}", "C-", text))


@pytest.mark.parametrize("action", ["merge", "withdraw", "reopen"])
async def test_a_customer_learns_nothing_by_naming_anothers_complaint(tmp_path: Any, action: str) -> None:
    async with opened("feedback", tmp_path) as house:
        mine = await house.post(tokens.customer(house.other), "/v1/complaints", _complaint())
        path = f"/v1/complaints/{mine['id']}/transitions"
        for anothers in (house.of_owner["complaint_id"], house.of_partner["complaint_id"]):
            answers = []
            for complaint_id in (anothers, new_id("cmp")):
                body = {"action": action, "duplicate_of": complaint_id, "reason": "It is the same."}
                answers.append(await _send(house, tokens.customer(house.other), "POST", path, body))
            assert answers[0] == answers[1]
            assert answers[0][0] in (403, 409, 422)
            follows = [
                await _send(
                    house,
                    tokens.customer(house.other),
                    "POST",
                    "/v1/complaints",
                    _complaint(follows=complaint_id),
                )
                for complaint_id in (anothers, new_id("cmp"))
            ]
            assert follows[0] == follows[1]
            assert follows[0][0] == 422


def _complaint(**more: Any) -> dict[str, Any]:
    return {"channel": "web", "title": "Mine", "body": "It broke.", **more}
